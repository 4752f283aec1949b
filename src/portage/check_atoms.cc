// Do the packages and sets exist that the spec names.
#include <algorithm>
#include <array>

#include "check_context.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kVersionsShown = 3;

// What Portage itself brings, in /usr/share/portage/config/sets.
constexpr std::array<std::string_view, 21> kPortageSets = {"world",
                                                           "selected",
                                                           "selected-packages",
                                                           "selected-sets",
                                                           "system",
                                                           "profile",
                                                           "security",
                                                           "installed",
                                                           "preserved-rebuild",
                                                           "live-rebuild",
                                                           "module-rebuild",
                                                           "deprecated-live-rebuild",
                                                           "downgrade",
                                                           "x11-module-rebuild",
                                                           "rebuilt-binaries",
                                                           "unavailable",
                                                           "changed-subslot",
                                                           "unavailable-binaries",
                                                           "changed-deps",
                                                           "golang-rebuild",
                                                           "rust-rebuild"};

// Names of sections, which are sets, and of the files in 'sets'.
void add_sets(int dirfd, const std::string& sets_conf, std::set<std::string>& names) {
  for (const Line& line : read_lines(dirfd, sets_conf)) {
    const std::string& word = line.words.front();
    if (word.size() > 2 && word.starts_with('[') && word.ends_with(']'))
      names.insert(word.substr(1, word.size() - 2));
  }
  for (const std::string& name : list_in(dirfd, "sets")) names.insert(name);
}

std::vector<std::string> known_sets(const CheckContext& context) {
  std::set<std::string> names(kPortageSets.begin(), kPortageSets.end());
  for (const spec::PackageSet& set : context.spec.portage.sets) names.insert(set.name);
  for (const TreeRepository& repository : context.tree.repositories())
    add_sets(repository.dirfd, "sets.conf", names);
  if (context.config_dirfd >= 0) add_sets(context.config_dirfd, "sets.conf", names);
  return {names.begin(), names.end()};
}

std::string suggest(CheckContext& context, const Atom& atom) {
  std::vector<std::string> near = context.tree.suggestions(atom);
  if (near.empty()) return "add the repository that has it to [repos], or correct the name";
  std::string text = "did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i)
    text += (i == 0 ? "" : (i + 1 == near.size() ? " or " : ", ")) + quoted(near[i]);
  return text + '?';
}

std::string newest_versions(const std::vector<const Ebuild*>& ebuilds) {
  std::vector<std::string> versions;
  for (auto ebuild = ebuilds.rbegin(); ebuild != ebuilds.rend(); ++ebuild) {
    if (std::find(versions.begin(), versions.end(), (*ebuild)->version) != versions.end()) continue;
    if (versions.size() == kVersionsShown) return "its newest are " + quoted_list(versions);
    versions.push_back((*ebuild)->version);
  }
  return "it has " + quoted_list(versions);
}

// As emerge does: "nginx" is the one package of that name that is no account and no virtual.
std::vector<std::string> packages_meant(const std::vector<std::string>& packages) {
  std::vector<std::string> real;
  for (const std::string& package : packages)
    if (!package.starts_with("acct-group/") && !package.starts_with("acct-user/") &&
        !package.starts_with("virtual/"))
      real.push_back(package);
  return real.size() == 1 ? real : packages;
}

// Says what is wrong with an atom that is to be merged; the atom with its category when nothing.
std::optional<Atom> resolve(CheckContext& context, const spec::Text& text) {
  auto atom = parse_atom(text.value);
  if (!atom) return std::nullopt;  // a file, which only the build can see
  const auto report = [&](std::string message, std::string hint) {
    context.absence(text.where, std::move(message), std::move(hint));
    return std::nullopt;
  };
  if (!atom->repository.empty() && context.tree.find(atom->repository) == nullptr) {
    std::vector<std::string> names;
    for (const TreeRepository& repository : context.tree.repositories())
      names.push_back(repository.name);
    return report(quoted(text.value) + " asks for repository " + quoted(atom->repository) +
                      ", which the spec does not have",
                  did_you_mean(nearest(atom->repository, names),
                               "add [repos." + printable(atom->repository) +
                                   "], or leave '::" + printable(atom->repository) + "' out"));
  }
  Atom any_version = *atom;
  any_version.op = Atom::Operator::none;
  any_version.version.clear();
  any_version.slot.clear();
  any_version.repository.clear();
  const std::vector<std::string> packages =
      packages_meant(context.tree.packages_matching(any_version));
  const std::string name = atom->category.empty() ? atom->name : atom->package();
  if (packages.empty())
    return report("no package " + quoted(name) + " in " + context.tree.names(),
                  suggest(context, *atom));
  if (packages.size() > 1)
    return report(quoted(name) + " is ambiguous: " + quoted_list(packages),
                  "write one of them with its category");
  atom->category = packages.front().substr(0, packages.front().find('/'));
  any_version.category = atom->category;
  const auto slots_unknown = context.tree.matching(*atom);
  if (slots_unknown.empty())
    return report("no version of " + quoted(packages.front()) + " matches " + quoted(text.value),
                  newest_versions(context.tree.matching(any_version)));
  return atom;
}

// An atom that only rules over what is merged anyway: naming nothing is no error, but no help.
void check_rule_atom(CheckContext& context, const std::string& text, const Location& where,
                     const std::string& subject) {
  auto atom = parse_atom(text);
  if (!atom || atom->wild) return;
  Atom any = *atom;
  any.op = Atom::Operator::none;
  any.slot.clear();
  if (!context.tree.packages_matching(any).empty()) return;
  context.warn(where,
               subject + ": no package " +
                   quoted(atom->category.empty() ? atom->name : atom->package()) + " in " +
                   context.tree.names(),
               suggest(context, *atom));
}

void check_rules(CheckContext& context, const std::vector<spec::PackageRule>& rules,
                 const std::string& subject) {
  for (const spec::PackageRule& rule : rules)
    check_rule_atom(context, rule.atom, rule.where, subject);
}

// Options with which emerge needs no ebuild, or changes the configuration by itself.
bool is_forgiving(const std::vector<std::string>& options) {
  for (const std::string& option : options) {
    if (option.starts_with("--autounmask") && !option.ends_with("=n")) return true;
    if (option == "--usepkgonly" || option == "--getbinpkgonly") return true;
    if (option.size() > 1 && option[1] != '-' && option.find_first_of("KG") != std::string::npos)
      return true;
  }
  return false;
}

class RequestReader {
 public:
  explicit RequestReader(CheckContext& context) : context_(context), sets_(known_sets(context)) {}

  void read(const spec::Text& text, bool forgiving, unsigned depth) {
    if (text.value.starts_with('@')) {
      read_set(text, forgiving, depth);
      return;
    }
    if (auto atom = resolve(context_, text)) {
      context_.planned.insert(atom->package());
      context_.requests.push_back({std::move(*atom), text.where, forgiving});
    }
  }

  [[nodiscard]] bool has_read(const std::string& set) const { return read_sets_.contains(set); }

 private:
  void read_set(const spec::Text& text, bool forgiving, unsigned depth) {
    constexpr unsigned kMaxDepth = 10;  // of sets within sets
    const std::string name = text.value.substr(1);
    if (std::find(sets_.begin(), sets_.end(), name) == sets_.end()) {
      const std::string near = nearest(name, sets_);
      context_.absence(
          text.where, "there is no set " + quoted(text.value),
          did_you_mean(near.empty() ? near : '@' + near, "define it in 'sets' of [portage]"));
      return;
    }
    for (const spec::PackageSet& set : context_.spec.portage.sets)
      if (set.name == name && depth < kMaxDepth && read_sets_.insert(name).second)
        for (const spec::Text& member : set.atoms) read(member, forgiving, depth + 1);
  }

  CheckContext& context_;
  std::vector<std::string> sets_;
  std::set<std::string> read_sets_;
};

}  // namespace

void check_atoms(CheckContext& context) {
  RequestReader reader(context);
  for (const spec::Phase& phase : context.spec.phases) {
    for (const spec::Text& text : phase.emerge.atoms)
      reader.read(text, is_forgiving(phase.emerge.options), 0);
    for (const spec::Text& text : phase.unmerge)
      if (!text.value.starts_with('@')) check_rule_atom(context, text.value, text.where, "unmerge");
  }
  const spec::PortageConfig& config = context.spec.portage;
  // Sets that no phase asks for rule nothing, but are written into the image.
  for (const spec::PackageSet& set : config.sets)
    for (const spec::Text& text : set.atoms)
      if (!reader.has_read(set.name) && !text.value.starts_with('@'))
        check_rule_atom(context, text.value, text.where, "sets");
  check_rules(context, config.package_use, "package_use");
  check_rules(context, config.package_accept_keywords, "package_accept_keywords");
  check_rules(context, config.package_license, "package_license");
  check_rules(context, config.package_env, "package_env");
  for (const spec::Text& text : config.package_mask)
    check_rule_atom(context, text.value, text.where, "package_mask");
  for (const spec::Text& text : config.package_unmask)
    check_rule_atom(context, text.value, text.where, "package_unmask");
  for (const spec::PatchRule& patch : config.patches)
    check_rule_atom(context, patch.package, patch.where, "patches");
  for (const spec::PackageRule& rule : config.package_use)
    if (const auto atom = parse_atom(rule.atom); atom && !atom->wild)
      context.planned.insert(atom->package());
}

}  // namespace gbox::portage
