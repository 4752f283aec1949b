// What Portage's configuration will amount to in a build: the profile, then the spec's [portage],
// then 'config_dir'. Answers what Portage would answer for one ebuild: is it visible, which USE
// flags has it, which of them may not be changed. What the base's own /etc/portage adds is not
// known before it is unpacked, and is left out.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/portage/tree_index.h"
#include "gbox/spec/spec.h"
#include "profile.h"

namespace gbox::portage {

// A package.* rule with its atom parsed.
struct Rule {
  Atom atom;
  std::vector<std::string> values;
};

// A mask that applies to an ebuild, and where it comes from: a file of a repository or
// 'package_mask'.
struct Mask {
  Atom atom;
  std::string repository;  // only ebuilds of this one; empty: of all
  std::string source;      // "'profiles/package.mask' of repository 'gentoo'"
};

class Settings {
 public:
  // `tree` and `profile` must outlive it. `arch` is Gentoo's word, or empty when not known.
  Settings(const spec::BuildSpec& spec, TreeIndex& tree, const Profile& profile, int config_dirfd,
           const std::string& arch);

  // A variable as make.conf and the profile set it; "" when unset. Incremental ones are applied.
  [[nodiscard]] std::vector<std::string> words(const std::string& variable) const;
  // As make.conf alone (spec and config_dir) sets it.
  [[nodiscard]] const Variables& make_conf() const { return make_conf_; }
  // USE_EXPAND: "PYTHON_TARGETS", …
  [[nodiscard]] const std::vector<std::string>& groups() const { return groups_; }

  // Whether keywords can be judged at all: by a profile's ARCH, or `arch`.
  [[nodiscard]] bool knows_keywords() const { return !accept_keywords_.empty(); }
  [[nodiscard]] const std::string& arch() const { return arch_; }

  // Visibility, each of a cached ebuild. Empty, or nullptr: nothing stands in the way.
  [[nodiscard]] std::vector<std::string> missing_keywords(const Ebuild& ebuild) const;
  [[nodiscard]] std::vector<std::string> missing_licenses(const Ebuild& ebuild) const;
  [[nodiscard]] const Mask* mask_of(const Ebuild& ebuild) const;
  [[nodiscard]] bool is_visible(const Ebuild& ebuild) const;
  // What emerge would choose; an ebuild without cache entry counts as visible. nullptr: none.
  [[nodiscard]] const Ebuild* best_visible(const Atom& atom) const;

  // USE, of a cached ebuild.
  [[nodiscard]] std::set<std::string> flags_of(const Ebuild& ebuild) const;  // IUSE_EFFECTIVE
  [[nodiscard]] std::set<std::string> enabled_flags(const Ebuild& ebuild) const;
  [[nodiscard]] std::set<std::string> masked_flags(const Ebuild& ebuild) const;
  [[nodiscard]] std::set<std::string> forced_flags(const Ebuild& ebuild) const;

  // Groups of licences ("FREE" → its licences), of all repositories.
  [[nodiscard]] const std::map<std::string, std::vector<std::string>>& license_groups() const {
    return license_groups_;
  }

 private:
  struct Accepted;
  [[nodiscard]] std::vector<std::string> keywords_of(const Ebuild& ebuild) const;
  [[nodiscard]] std::set<std::string> accepted_keywords(const Ebuild& ebuild) const;
  [[nodiscard]] bool is_stable(const Ebuild& ebuild) const;
  [[nodiscard]] std::set<std::string> stacked_flags(
      const Ebuild& ebuild, std::vector<std::string> FlagLayer::*global,
      std::vector<std::string> FlagLayer::*stable, std::vector<PackageLine> FlagLayer::*package,
      std::vector<PackageLine> FlagLayer::*package_stable) const;
  void expand_licenses(const std::string& word, std::vector<std::string>& words,
                       unsigned depth) const;
  void read_masks(const spec::BuildSpec& spec, int config_dirfd);
  void read_repositories();

  TreeIndex& tree_;
  const Profile& profile_;
  std::string arch_;
  Variables make_conf_;
  std::vector<std::string> groups_;
  std::vector<std::string> accept_keywords_;
  std::vector<std::string> accept_license_;  // groups expanded
  std::map<std::string, std::vector<std::string>> license_groups_;
  std::map<std::string, FlagLayer> repository_layers_;
  std::vector<Rule> use_;
  std::vector<Rule> accept_keyword_rules_;
  std::vector<Rule> license_rules_;
  std::vector<Mask> masks_;
  std::vector<Mask> unmasks_;
};

// The flags that words of package_use stand for: "PYTHON_TARGETS:" opens a group for what follows.
std::vector<std::string> expanded_flags(const std::vector<std::string>& words);

std::string lower_case(std::string text);

}  // namespace gbox::portage
