#include "gbox/portage/emerge_plan.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/portage/version.h"

namespace gbox::portage {

std::string_view PackageId::category() const {
  return std::string_view(cpv).substr(0, cpv.find('/'));
}

std::string_view PackageId::package() const {
  const std::size_t slash = cpv.find('/');
  if (slash == std::string::npos) return cpv;
  const auto parts = split_name_version(std::string_view(cpv).substr(slash + 1));
  return parts ? std::string_view(cpv).substr(0, slash + 1 + parts->name.size())
               : std::string_view(cpv);
}

bool PlannedPackage::live() const {
  return std::find(properties.begin(), properties.end(), "live") != properties.end();
}

const PackageId& EmergePlan::node(std::size_t number) const {
  return number < packages.size() ? packages[number].id : installed.at(number - packages.size());
}

Command helper_command(const Command& emerge) {
  // -I: neither the environment nor the working directory adds modules.
  Command command = {"python3", "-I", "-"};
  command.insert(command.end(), emerge.begin() + 1, emerge.end());
  return command;
}

std::string plan_failure(const EmergePlan& plan) {
  // What emerge says on its way, whatever happens.
  static constexpr std::string_view kNoise[] = {"These are the packages that would be merged",
                                                "Calculating dependencies",
                                                "Dependency resolution took",
                                                "For more information",
                                                "man page or refer to",
                                                "!!! Problem with sandbox binary"};
  std::string result;
  bool blank = true;
  for (const std::string& raw : split(plan.text, '\n')) {
    const std::string line = printable(raw.substr(raw.rfind('\r') + 1));
    if (std::any_of(std::begin(kNoise), std::end(kNoise),
                    [&](std::string_view noise) { return line.starts_with(noise); }))
      continue;
    const bool empty = trim(line).empty();
    if (empty && blank) continue;
    blank = empty;
    result += line + '\n';
  }
  while (result.ends_with("\n\n")) result.pop_back();
  return result == "\n" ? "" : result;
}

}  // namespace gbox::portage
