#include <algorithm>
#include <map>
#include <set>

#include "answer.h"
#include "gbox/base/text.h"
#include "gbox/portage/emerge_plan.h"
#include "gbox/portage/version.h"

namespace gbox::portage {

namespace {

// Stands for a mirror that Portage puts first, so that a file's own name is seen even where
// SRC_URI renames it ('->'). Nothing is fetched from it.
constexpr std::string_view kNamingMirror = "http://distfile-name.invalid";

// " N     app-demo/hello 1.0 [0.9] to /destination/", as --columns --quiet prints it: marks, the
// name, the version (with a binary package's build id behind another '-'), and for another root
// where it goes. "[uninstall    ] dev-lib/x …" and " U ~" forms begin with marks, too.
std::optional<PlannedPackage> package_of(std::string_view line) {
  const std::vector<std::string> words = split_words(line);
  const auto name = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    const std::size_t slash = word.find('/');
    return slash != std::string::npos && is_category_name(word.substr(0, slash)) &&
           is_package_name(word.substr(slash + 1));
  });
  // Marks stand before the name: a line that begins with a word is a message.
  if (name == words.end() || name == words.begin() || name + 1 == words.end()) return std::nullopt;
  for (auto mark = words.begin(); mark != name; ++mark)
    if (mark->find_first_not_of("NSRUDrFfIB*~#[]ubinstalery") != std::string::npos)
      return std::nullopt;
  std::string version = *(name + 1);
  if (version.size() > 2 && version.front() == '[' && version.back() == ']')
    version = version.substr(1, version.size() - 2);
  PlannedPackage package;
  if (!is_version(version)) {
    const std::size_t dash = version.rfind('-');
    if (dash == std::string::npos || !is_version(version.substr(0, dash))) return std::nullopt;
    package.kind = PlannedPackage::Kind::binary;
    version.resize(dash);
  }
  package.id.cpv = *name + '-' + version;
  if (line.find("uninstall") < line.find('/'))
    package.operation = PlannedPackage::Operation::uninstall;
  const auto to = std::find(name + 2, words.end(), "to");
  if (to != words.end() && to + 1 != words.end() && ask::is_root(*(to + 1))) {
    package.id.root = *(to + 1);
    while (package.id.root.size() > 1 && package.id.root.ends_with('/')) package.id.root.pop_back();
  }
  return package;
}

// "URI URI …" of one file.
std::optional<Distfile> file_of(std::string_view line) {
  Distfile file;
  const std::string naming = std::string(kNamingMirror) + '/';
  for (const std::string& word : split_words(line)) {
    if (word.find("://") == std::string::npos || !ask::is_text(word)) return std::nullopt;
    std::string name = word.substr(word.rfind('/') + 1);
    if (word.starts_with(naming)) {
      file.name = std::move(name);
      continue;
    }
    if (file.name.empty()) {
      file.name = std::move(name);
      file.mirrors = false;  // or the naming mirror had come first
    }
    file.uris.push_back(word);
    (ask::is_fetchable(word) ? file.urls : file.closed_urls).push_back(word);
  }
  if (!ask::is_distfile_name(file.name)) return std::nullopt;
  return file;
}

// The package whose name the file's begins with, the longest such name; else the first one.
PlannedPackage& owner_of(EmergePlan& plan, const std::string& file) {
  PlannedPackage* owner = &plan.packages.front();
  std::size_t length = 0;
  for (PlannedPackage& package : plan.packages) {
    const std::string_view name = package.id.package().substr(package.id.category().size() + 1);
    if (name.size() <= length || !file.starts_with(name)) continue;
    owner = &package;
    length = name.size();
  }
  return *owner;
}

}  // namespace

TextQuestion text_question(const Command& emerge) {
  TextQuestion question;
  const auto with = [&](const Command& options) {
    Command command = {emerge.at(0)};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), emerge.begin() + 1, emerge.end());
    return command;
  };
  question.packages = with({"--pretend", "--columns", "--quiet"});
  question.uris = with({"--pretend", "--fetchonly", "--quiet"});
  // The layout of mirrors would be asked for: there is no network, and nothing is to try it.
  question.environment = {
      {"FETCHCOMMAND_HTTP", "/bin/false ${URI} ${DISTDIR} ${FILE}"},
      {"GENTOO_MIRRORS", std::string(kNamingMirror)},
  };
  return question;
}

EmergePlan parse_emerge_text(std::string_view packages, std::string_view uris) {
  EmergePlan plan;
  plan.source = EmergePlan::Source::text;
  for (const std::string& line : split(packages, '\n')) {
    if (plan.packages.size() == kMaxPlannedPackages) break;
    if (auto package = package_of(line)) plan.packages.push_back(std::move(*package));
  }
  if (plan.packages.empty()) return plan;
  std::set<std::string> seen;
  for (const std::string& line : split(uris, '\n')) {
    if (seen.size() == ask::kMaxWords) break;
    auto file = file_of(line);
    if (!file || !seen.insert(file->name).second) continue;
    owner_of(plan, file->name).distfiles.push_back(std::move(*file));
  }
  return plan;
}

}  // namespace gbox::portage
