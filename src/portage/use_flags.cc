// USE of one ebuild, in the order in which Portage puts it together: the ebuild's own defaults,
// the profile's nodes, make.conf, package.use, and at last what the profile forces and masks.
#include <algorithm>

#include "gbox/base/text.h"
#include "settings.h"

namespace gbox::portage {

namespace {

bool begins_with(const std::string& flag, std::string_view prefix) {
  return std::string_view(flag).starts_with(prefix);
}

// Words of USE: "-x" removes, "-*" empties, "group_*" and "-group_*" stand for a whole group.
void apply(const std::vector<std::string>& words, const std::set<std::string>& effective,
           std::set<std::string>& flags) {
  for (const std::string& word : words) {
    if (word == "-*") {
      flags.clear();
    } else if (word.ends_with("_*")) {
      const bool negative = word.starts_with('-');
      const std::string_view prefix =
          std::string_view(word).substr(negative ? 1 : 0, word.size() - 1 - (negative ? 1 : 0));
      if (negative)
        std::erase_if(flags, [&](const auto& flag) { return begins_with(flag, prefix); });
      for (const std::string& flag : effective)
        if (!negative && begins_with(flag, prefix)) flags.insert(flag);
    } else if (word == "*") {
      flags.insert(effective.begin(), effective.end());
    } else if (word.starts_with('-')) {
      flags.erase(word.substr(1));
    } else {
      flags.insert(word);
    }
  }
}

// The values of the lines that match, the least specific first.
template <class Lines>
std::vector<const std::vector<std::string>*> values_for(const Lines& lines, const Ebuild& ebuild) {
  std::vector<const Atom*> atoms;
  std::vector<const std::vector<std::string>*> values;
  for (const auto& line : lines)
    if (matches(line.atom, ebuild.candidate())) {
      atoms.push_back(&line.atom);
      values.push_back(&line.values);
    }
  std::vector<const std::vector<std::string>*> sorted;
  for (const std::size_t i : application_order(atoms, ebuild.version)) sorted.push_back(values[i]);
  return sorted;
}

}  // namespace

std::set<std::string> Settings::flags_of(const Ebuild& ebuild) const {
  std::set<std::string> flags;
  for (const std::string& flag : ebuild.iuse)
    flags.insert(flag.substr(flag.starts_with('+') || flag.starts_with('-') ? 1 : 0));
  // PMS 11.1.1: the profile adds flags that an ebuild may use without listing them.
  for (const std::string& flag : words("IUSE_IMPLICIT")) flags.insert(flag);
  const std::vector<std::string> unprefixed = words("USE_EXPAND_UNPREFIXED");
  for (const std::string& group : words("USE_EXPAND_IMPLICIT")) {
    const bool bare = std::find(unprefixed.begin(), unprefixed.end(), group) != unprefixed.end();
    if (!bare && std::find(groups_.begin(), groups_.end(), group) == groups_.end()) continue;
    for (const std::string& value : words("USE_EXPAND_VALUES_" + group))
      flags.insert(bare ? value : lower_case(group) + '_' + value);
  }
  return flags;
}

std::set<std::string> Settings::enabled_flags(const Ebuild& ebuild) const {
  const std::set<std::string> effective = flags_of(ebuild);
  std::set<std::string> flags;
  const std::vector<std::string> features = words("FEATURES");
  if (std::find(features.begin(), features.end(), "test") != features.end()) flags.insert("test");
  for (const std::string& flag : ebuild.iuse)
    if (flag.starts_with('+')) flags.insert(flag.substr(1));
  for (const FlagLayer& layer : profile_.layers) {
    apply(layer.use, effective, flags);
    for (const auto* values : values_for(layer.package_use, ebuild))
      apply(*values, effective, flags);
  }
  if (const auto use = make_conf_.find("USE"); use != make_conf_.end())
    apply(split_words(use->second), effective, flags);
  for (const std::string& group : groups_) {
    const auto value = make_conf_.find(group);
    if (value == make_conf_.end()) continue;
    const std::string prefix = lower_case(group) + '_';
    std::erase_if(flags, [&](const auto& flag) { return begins_with(flag, prefix); });
    for (const std::string& word : split_words(value->second))
      if (!word.starts_with('-')) apply({prefix + word}, effective, flags);
  }
  for (const auto* values : values_for(use_, ebuild))
    apply(expanded_flags(*values), effective, flags);
  for (const std::string& flag : forced_flags(ebuild)) flags.insert(flag);
  for (const std::string& flag : masked_flags(ebuild)) flags.erase(flag);
  std::erase_if(flags, [&](const std::string& flag) { return !effective.contains(flag); });
  return flags;
}

std::set<std::string> Settings::stacked_flags(
    const Ebuild& ebuild, std::vector<std::string> FlagLayer::*global,
    std::vector<std::string> FlagLayer::*stable, std::vector<PackageLine> FlagLayer::*package,
    std::vector<PackageLine> FlagLayer::*package_stable) const {
  const bool with_stable = is_stable(ebuild);
  std::vector<std::string> list;
  const auto add = [&](const FlagLayer& layer) {
    stack_words(list, layer.*global);
    if (with_stable) stack_words(list, layer.*stable);
    for (const auto* values : values_for(layer.*package, ebuild)) stack_words(list, *values);
    if (!with_stable) return;
    for (const auto* values : values_for(layer.*package_stable, ebuild)) stack_words(list, *values);
  };
  if (const TreeRepository* repository = tree_.find(ebuild.repository)) {
    for (const std::string& master : repository->masters) add(repository_layers_.at(master));
    add(repository_layers_.at(repository->name));
  }
  for (const FlagLayer& layer : profile_.layers) add(layer);
  return {list.begin(), list.end()};
}

std::set<std::string> Settings::masked_flags(const Ebuild& ebuild) const {
  return stacked_flags(ebuild, &FlagLayer::mask, &FlagLayer::stable_mask, &FlagLayer::package_mask,
                       &FlagLayer::package_stable_mask);
}

std::set<std::string> Settings::forced_flags(const Ebuild& ebuild) const {
  return stacked_flags(ebuild, &FlagLayer::force, &FlagLayer::stable_force,
                       &FlagLayer::package_force, &FlagLayer::package_stable_force);
}

}  // namespace gbox::portage
