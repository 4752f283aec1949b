// Values of USE_EXPAND variables (PYTHON_TARGETS, VIDEO_CARDS, CPU_FLAGS_X86, …) against the lists
// in profiles/desc. Portage takes any word and quietly does nothing with an unknown one.
#include <algorithm>

#include "check_context.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kListed = 12;

std::string desc_path(const std::string& group) {
  return "profiles/desc/" + lower_case(group) + ".desc";
}

// The values that a list or an ebuild of the spec's packages knows; empty: no list says.
std::set<std::string> known_values(CheckContext& context, const std::string& group) {
  std::set<std::string> values;
  for (const TreeRepository& repository : context.tree.repositories())
    for (const Line& line : read_lines(repository.dirfd, desc_path(group)))
      values.insert(line.words.front());
  if (values.empty()) return values;
  const std::string prefix = lower_case(group) + '_';
  for (const std::string& package : context.planned) {
    const std::size_t slash = package.find('/');
    for (const Ebuild& ebuild :
         context.tree.ebuilds(package.substr(0, slash), package.substr(slash + 1)))
      for (const std::string& flag : context.settings.flags_of(ebuild))
        if (flag.starts_with(prefix)) values.insert(flag.substr(prefix.size()));
  }
  return values;
}

void check_values(CheckContext& context, const std::string& group,
                  const std::vector<spec::Text>& words) {
  const std::set<std::string> known = known_values(context, group);
  if (known.empty()) return;
  const std::vector<std::string> names(known.begin(), known.end());
  for (const spec::Text& word : words) {
    const std::string value = word.value.substr(word.value.starts_with('-') ? 1 : 0);
    if (value.find_first_of("*$") != std::string::npos || known.contains(value)) continue;
    const std::vector<std::string>& more = context.tree.undocumented_flags();
    if (std::binary_search(more.begin(), more.end(), lower_case(group) + '_' + value)) continue;
    const std::string list = names.size() <= kListed ? "its values are " + quoted_list(names)
                                                     : "see " + quoted(desc_path(group));
    context.absence(word.where, quoted(group) + " has no value " + quoted(value),
                    did_you_mean(nearest(value, names), list));
  }
}

// PMS has no word for it: the variable is named after the family of processors.
std::string cpu_flags_variable(const std::string& arch) {
  if (arch == "amd64" || arch == "x86") return "CPU_FLAGS_X86";
  if (arch == "arm64" || arch == "arm") return "CPU_FLAGS_ARM";
  if (arch == "ppc64" || arch == "ppc") return "CPU_FLAGS_PPC";
  return {};
}

}  // namespace

void check_groups(CheckContext& context) {
  const spec::PortageConfig& config = context.spec.portage;
  for (const auto& [name, value] : config.make_conf) {
    const std::vector<std::string>& groups = context.settings.groups();
    // Without a profile there is no USE_EXPAND; a list of that name says as much.
    if (!groups.empty() && std::find(groups.begin(), groups.end(), name) == groups.end()) continue;
    const auto place = config.make_conf_where.find(name);
    const Location where = place == config.make_conf_where.end() ? config.where : place->second;
    std::vector<spec::Text> words;
    for (std::string& word : split_words(value)) words.emplace_back(std::move(word), where);
    check_values(context, name, words);
  }
  const std::string variable = cpu_flags_variable(context.settings.arch());
  if (variable.empty() || config.cpu_flags.empty()) return;
  if (config.cpu_flags.size() == 1 && config.cpu_flags.front().value == "native") return;
  check_values(context, variable, config.cpu_flags);
}

}  // namespace gbox::portage
