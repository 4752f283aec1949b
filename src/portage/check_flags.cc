// USE flags that the spec sets: does any ebuild have them, and does the profile let them be set.
#include <algorithm>

#include "check_context.h"
#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

// One word of package_use with what it stands for.
struct Flag {
  std::string name;  // with the prefix of its group: "python_targets_python3_13"
  bool enabled = true;
  Location where;
};

// Words that name flags; '*', '-*' and 'group_*' stand for many and are left out.
std::vector<Flag> flags_of_words(const std::vector<spec::Text>& words) {
  std::vector<Flag> flags;
  std::string prefix;
  for (const spec::Text& word : words) {
    if (word.value.ends_with(':')) {
      prefix = lower_case(word.value.substr(0, word.value.size() - 1)) + '_';
      continue;
    }
    const bool enabled = !word.value.starts_with('-');
    const std::string name = enabled ? word.value : word.value.substr(1);
    if (!name.ends_with('*')) flags.push_back({prefix + name, enabled, word.where});
  }
  return flags;
}

// Every flag that some list of the repositories explains, and those of the packages in the spec.
class KnownFlags {
 public:
  explicit KnownFlags(CheckContext& context) : context_(context) {
    for (const TreeRepository& repository : context.tree.repositories()) read(repository);
    for (const std::string& package : context.planned) {
      const std::size_t slash = package.find('/');
      for (const Ebuild& ebuild :
           context.tree.ebuilds(package.substr(0, slash), package.substr(slash + 1)))
        flags_.merge(context.settings.flags_of(ebuild));
    }
    for (const std::string& flag : context.settings.words("IUSE_IMPLICIT")) flags_.insert(flag);
  }

  bool has(const std::string& flag) {
    if (flags_.contains(flag)) return true;
    const std::vector<std::string>& more = context_.tree.undocumented_flags();
    return std::binary_search(more.begin(), more.end(), flag);
  }
  [[nodiscard]] std::string near(const std::string& flag) const {
    return nearest(flag, std::vector<std::string>(flags_.begin(), flags_.end()));
  }

 private:
  void read(const TreeRepository& repository) {
    for (const char* file : {"profiles/use.desc", "profiles/arch.list"})
      for (const Line& line : read_lines(repository.dirfd, file)) flags_.insert(line.words.front());
    for (const Line& line : read_lines(repository.dirfd, "profiles/use.local.desc")) {
      const std::string& word = line.words.front();  // "category/name:flag"
      flags_.insert(word.substr(word.find(':') + 1));
    }
    constexpr std::string_view kEnding = ".desc";
    for (const std::string& file : list_in(repository.dirfd, "profiles/desc")) {
      if (!file.ends_with(kEnding)) continue;
      const std::string group = file.substr(0, file.size() - kEnding.size());
      for (const Line& line : read_lines(repository.dirfd, "profiles/desc/" + file))
        flags_.insert(group + '_' + line.words.front());
    }
  }

  CheckContext& context_;
  std::set<std::string> flags_;
};

std::string flags_hint(const std::string& flag, const std::set<std::string>& flags) {
  const std::vector<std::string> names(flags.begin(), flags.end());
  if (names.empty()) return "it has no USE flags";
  return did_you_mean(nearest(flag, names), listing("its flags are", names));
}

std::set<std::string> listed_flags(const std::vector<const Ebuild*>& ebuilds) {
  std::set<std::string> flags;
  for (const Ebuild* ebuild : ebuilds)
    for (const std::string& flag : ebuild->iuse)
      flags.insert(flag.substr(flag.starts_with('+') || flag.starts_with('-') ? 1 : 0));
  return flags;
}

// Whether the profile lets the flag be set, for the ebuild that emerge would choose.
void check_fixed(CheckContext& context, const Flag& flag, const Ebuild& ebuild) {
  const std::string subject = "USE flag " + quoted(flag.name) + " of " + quoted(ebuild.cpv());
  const std::string profile = "profile " + quoted(context.profile.name);
  if (flag.enabled && context.settings.masked_flags(ebuild).contains(flag.name)) {
    context.obstacle(flag.where, subject + " is masked by " + profile,
                     "leave it out: Portage ignores it; or unmask it in 'profile/use.mask' of "
                     "'config_dir'");
  } else if (!flag.enabled && context.settings.forced_flags(ebuild).contains(flag.name)) {
    context.obstacle(flag.where, subject + " is forced by " + profile,
                     "leave it out: Portage ignores it; or write '-" + flag.name +
                         "' into 'profile/use.force' of 'config_dir'");
  }
}

void check_rule(CheckContext& context, const spec::PackageRule& rule) {
  const auto atom = parse_atom(rule.atom);
  if (!atom || atom->wild) return;
  const std::vector<const Ebuild*> all = context.tree.matching(*atom);
  if (all.empty()) return;  // said already
  for (const Ebuild* ebuild : all)
    if (!ebuild->cached) {
      context.uncached.insert(ebuild->package());
      return;
    }
  const Ebuild* best = context.settings.best_visible(*atom);
  for (const Flag& flag : flags_of_words(rule.values)) {
    const Ebuild* owner = nullptr;  // the newest that has it
    bool visible = false;
    for (const Ebuild* ebuild : all) {
      if (!context.settings.flags_of(*ebuild).contains(flag.name)) continue;
      owner = ebuild;
      visible = visible || context.settings.is_visible(*ebuild);
    }
    if (owner == nullptr) {
      context.fault(flag.where, quoted(rule.atom) + " has no USE flag " + quoted(flag.name),
                    flags_hint(flag.name, listed_flags(all)));
    } else if (!visible && best != nullptr) {
      context.warn(
          flag.where,
          quoted(best->cpv()) + ", which emerge would choose, has no USE flag " + quoted(flag.name),
          quoted(owner->cpv()) + " has it");
    } else if (!context.profile.name.empty()) {
      check_fixed(context, flag, best != nullptr ? *best : *all.back());
    }
  }
}

void check_global(CheckContext& context, KnownFlags& known, const std::vector<spec::Text>& words) {
  std::vector<std::string> masked;
  for (const FlagLayer& layer : context.profile.layers) stack_words(masked, layer.mask);
  for (const Flag& flag : flags_of_words(words)) {
    if (!known.has(flag.name)) {
      context.warn(flag.where, "no package is known to have the USE flag " + quoted(flag.name),
                   did_you_mean(known.near(flag.name), "leave it out: it has no effect"));
    } else if (flag.enabled && std::find(masked.begin(), masked.end(), flag.name) != masked.end()) {
      context.warn(
          flag.where,
          "USE flag " + quoted(flag.name) + " is masked by profile " + quoted(context.profile.name),
          "it has no effect with this profile");
    }
  }
}

}  // namespace

void check_flags(CheckContext& context) {
  const spec::PortageConfig& config = context.spec.portage;
  for (const spec::PackageRule& rule : config.package_use) check_rule(context, rule);
  const bool any_wild = std::any_of(
      config.package_use.begin(), config.package_use.end(),
      [](const spec::PackageRule& rule) { return rule.atom.find('*') != std::string::npos; });
  if (config.use.empty() && !any_wild) return;
  KnownFlags known(context);
  check_global(context, known, config.use);
  // What holds for many packages is looked up as what holds for all.
  for (const spec::PackageRule& rule : config.package_use)
    if (const auto atom = parse_atom(rule.atom); atom && atom->wild)
      check_global(context, known, rule.values);
}

}  // namespace gbox::portage
