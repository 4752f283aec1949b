#include "gbox/portage/config.h"

#include <algorithm>
#include <map>

#include "gbox/base/text.h"
#include "gbox/portage/binary_host.h"

namespace gbox::portage {

namespace {

constexpr std::string_view kHeader =
    "# Written by gbox from the spec. Edit the spec: each build writes this anew.\n";
// Behind what a base brings (00-…) and before what a person adds (60-…).
constexpr std::string_view kOwnFile = "50-gbox";

// What a build of an image wants, whatever the base's Portage defaults to.
constexpr std::string_view kFeatures =
    "-merge-sync "  // an fsync a file: gbox publishes a snapshot whole or not at all
    "-news "        // nobody reads them here, and reading marks would end up in the image
    "notitles "     // no escape codes for a terminal's title in the log
    "xattr";        // keeps file capabilities when the build directory is another file system

ConfigFile own_file(std::string_view name, std::string body) {
  return {std::string(kConfigDirectory) + '/' + std::string(name) + '/' + std::string(kOwnFile),
          ConfigFile::Kind::file, std::string(kHeader) + std::move(body)};
}

std::string assignments(const std::map<std::string, std::string>& variables) {
  std::string text;
  for (const auto& [name, value] : variables) text += name + '=' + make_conf_quoted(value) + '\n';
  return text;
}

std::string make_conf(const spec::PortageConfig& config) {
  std::map<std::string, std::string> variables = {
      // Steps answer no questions: a changed file in /etc replaces the old one. '-*' drops every
      // protected directory; emerge takes an empty list for a mistake, so one that no package
      // has files in stands for it.
      {"CONFIG_PROTECT", "-* /dev/null"},
      {"DISTDIR", std::string(kDistfilesDirectory)},
      {"PKGDIR", std::string(kBinaryPackagesDirectory)},
      {"PORTAGE_TMPDIR", std::string(kTemporaryDirectory)},
      // Unset, Portage fills in this host's number of CPUs and saves it with each package.
      {"GNUMAKEFLAGS", ""},
  };
  if (!config.common_flags.empty())
    for (const char* name : {"COMMON_FLAGS", "CFLAGS", "CXXFLAGS", "FCFLAGS", "FFLAGS"})
      variables[name] = config.common_flags;
  const auto set = [&](const char* name, const std::vector<spec::Text>& words) {
    if (!words.empty()) variables[name] = join(spec::values_of(words), " ");
  };
  set("USE", config.use);
  set("ACCEPT_KEYWORDS", config.accept_keywords);
  set("ACCEPT_LICENSE", config.license);
  for (const auto& [name, value] : config.make_conf) variables[name] = value;
  // The spec's features come behind gbox's, so that they win.
  std::string& features = variables["FEATURES"];
  features = std::string(kFeatures) + (features.empty() ? "" : " ") + features;

  return assignments(variables);
}

std::string repos_conf(const spec::BuildSpec& spec) {
  std::string text = "[DEFAULT]\nmain-repo = " + main_repository(spec)->name + '\n';
  for (const spec::Repository& repository : spec.repositories) {
    text += "\n[" + repository.name + "]\n";
    text += "location = " + repository_location(repository.name) + '\n';
    // Empty on purpose: they undo what a base's own file may say about this repository.
    text += "sync-type =\nsync-uri =\nauto-sync = no\n";
    if (repository.priority) text += "priority = " + std::to_string(*repository.priority) + '\n';
  }
  return text;
}

void add_rules(std::vector<ConfigFile>& files, std::string_view name,
               const std::vector<spec::PackageRule>& rules) {
  if (rules.empty()) return;
  std::string text;
  for (const spec::PackageRule& rule : rules) {
    text += rule.atom;
    for (const spec::Text& value : rule.values) text += ' ' + value.value;
    text += '\n';
  }
  files.push_back(own_file(name, std::move(text)));
}

void add_atoms(std::vector<ConfigFile>& files, std::string_view name,
               const std::vector<spec::Text>& atoms) {
  if (!atoms.empty()) files.push_back(own_file(name, join(spec::values_of(atoms), "\n") + '\n'));
}

// Portage applies them in the order of their names, and takes *.patch and *.diff alone.
void add_patches(std::vector<ConfigFile>& files, const spec::PatchRule& rule,
                 const PatchReader& read_patch) {
  unsigned number = 0;
  for (const spec::Text& file : rule.files) {
    std::string name = file.value.substr(file.value.rfind('/') + 1);
    if (!name.ends_with(".patch") && !name.ends_with(".diff")) name += ".patch";
    const std::string order = std::to_string(++number);
    files.push_back({std::string(kConfigDirectory) + "/patches/" + rule.package + '/' +
                         std::string(order.size() < 3 ? 3 - order.size() : 0, '0') + order + '-' +
                         name,
                     ConfigFile::Kind::file, read_patch(file)});
  }
}

// A file whose name a person chose.
ConfigFile named_file(const std::string& name, const std::string& body) {
  return {std::string(kConfigDirectory) + '/' + name, ConfigFile::Kind::file,
          std::string(kHeader) + body};
}

}  // namespace

std::string repository_location(std::string_view name) {
  return std::string(kRepositoriesDirectory) + '/' + std::string(name);
}

const spec::Repository* main_repository(const spec::BuildSpec& spec) {
  const spec::Repository* best = nullptr;
  for (const spec::Repository& repository : spec.repositories) {
    if (repository.name == "gentoo") return &repository;
    if (best == nullptr || repository.priority.value_or(0) > best->priority.value_or(0))
      best = &repository;
  }
  return best;
}

ProfileChoice chosen_profile(const spec::BuildSpec& spec) {
  const spec::PortageConfig& config = spec.portage;
  const std::size_t colon = config.profile.find(':');
  ProfileChoice choice{main_repository(spec), config.profile};
  if (choice.repository == nullptr)
    throw SpecError({{config.profile_where, "'profile' needs a repository that holds it",
                      "add [repos.gentoo] and below it snapshot = \"latest\""}});
  if (colon == std::string::npos) return choice;
  const std::string name = config.profile.substr(0, colon);
  choice.path = config.profile.substr(colon + 1);
  std::vector<std::string> names;
  for (const spec::Repository& repository : spec.repositories) {
    if (repository.name == name) {
      choice.repository = &repository;
      return choice;
    }
    names.push_back(repository.name);
  }
  const std::string near = nearest(name, names);
  throw SpecError(
      {{config.profile_where, "'profile': the spec has no repository " + quoted(name),
        near.empty() ? "it has " + quoted_list(names) : "did you mean " + quoted(near) + '?'}});
}

std::string make_conf_quoted(std::string_view value) {
  if (value == "source")
    throw Error("'source' cannot be a value in make.conf: it is a command there", ExitCode::usage);
  for (const char c : value)
    if (c == '\\' || (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      throw Error("value " + quoted(value) + " cannot be written in make.conf", ExitCode::usage);
  // Two readers must see the same value. bash takes the quotes away and is done. Portage takes
  // them away with shlex and then expands '$' in what is left, with single quotes *of the value*
  // switching the expansion off: where it would expand, '$' carries a backslash, which bash
  // removes too.
  std::string result;
  bool open = false;     // within '…' of the result
  bool single = false;   // Portage's reader is within the value's own '…'
  bool twofold = false;  // or "…"
  const auto leave = [&] {
    if (open) result += '\'';
    open = false;
  };
  for (const char c : value) {
    if (c == '\'') {
      leave();
      result += "\"'\"";
      if (!twofold) single = !single;
      continue;
    }
    if (c == '$' && !single) {
      leave();
      result += "\"\\$\"";
      continue;
    }
    if (c == '"' && !single) twofold = !twofold;
    if (!open) result += '\'';
    open = true;
    result += c;
  }
  leave();
  return result.empty() ? "''" : result;
}

std::vector<ConfigFile> config_files(const spec::BuildSpec& spec, const PatchReader& read_patch) {
  const spec::PortageConfig& config = spec.portage;
  const spec::Repository* main = main_repository(spec);
  std::vector<ConfigFile> files;
  files.push_back(own_file("make.conf", make_conf(config)));
  if (main != nullptr) files.push_back(own_file("repos.conf", repos_conf(spec)));
  if (!spec.binary_hosts.empty())
    files.push_back({std::string(kBinaryHostsFile), ConfigFile::Kind::file,
                     binrepos_conf(spec.binary_hosts, HostsFor::image)});
  if (!config.profile.empty()) {
    const ProfileChoice profile = chosen_profile(spec);
    // Relative, as eselect makes it, so that it holds in a chroot too.
    files.push_back(
        {std::string(kConfigDirectory) + "/make.profile", ConfigFile::Kind::symlink,
         "../.." + repository_location(profile.repository->name) + "/profiles/" + profile.path});
  }
  add_rules(files, "package.use", config.package_use);
  add_rules(files, "package.accept_keywords", config.package_accept_keywords);
  add_rules(files, "package.license", config.package_license);
  add_rules(files, "package.env", config.package_env);
  add_atoms(files, "package.mask", config.package_mask);
  add_atoms(files, "package.unmask", config.package_unmask);
  for (const spec::EnvFile& file : config.env)
    files.push_back(named_file("env/" + file.name, assignments(file.variables)));
  for (const spec::PackageSet& set : config.sets)
    files.push_back(named_file("sets/" + set.name, join(spec::values_of(set.atoms), "\n") + '\n'));
  for (const spec::PatchRule& rule : config.patches) add_patches(files, rule, read_patch);
  std::sort(files.begin(), files.end(),
            [](const ConfigFile& a, const ConfigFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace gbox::portage
