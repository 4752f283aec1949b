// A profile with all its parents (PMS chapter 5): variables, USE masks and forces, package masks.
// Reads files only; nothing is executed (profile.bashrc is none of ours). Depth and number of
// nodes are limited, a parent that leads in circles is an error. The checks of a spec's
// configuration ask it what the profile allows.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/portage/tree_index.h"
#include "repo_files.h"

namespace gbox::portage {

constexpr unsigned kMaxProfileDepth = 64;
constexpr std::size_t kMaxProfileNodes = 500;

// What one directory says about USE flags: a node of a profile, or a repository's 'profiles' for
// its own packages.
struct FlagLayer {
  std::vector<std::string> use;  // of make.defaults, with the USE_EXPAND variables before it
  std::vector<std::string> mask;
  std::vector<std::string> stable_mask;
  std::vector<std::string> force;
  std::vector<std::string> stable_force;
  std::vector<PackageLine> package_use;
  std::vector<PackageLine> package_mask;
  std::vector<PackageLine> package_stable_mask;
  std::vector<PackageLine> package_force;
  std::vector<PackageLine> package_stable_force;
};
// Everything but `use`.
FlagLayer read_flag_layer(int dirfd, const std::string& directory);

struct Profile {
  std::string name;               // below profiles/; empty: none chosen, the rest is empty too
  std::string repository;         // that holds it
  Variables variables;            // of make.defaults, incremental ones joined but not yet applied
  std::vector<FlagLayer> layers;  // parents first
  std::vector<std::vector<PackageLine>> masks;  // one a node, parents first
  std::vector<std::vector<PackageLine>> unmasks;
  std::vector<std::vector<PackageLine>> keywords;         // package.keywords
  std::vector<std::vector<PackageLine>> accept_keywords;  // package.accept_keywords
  std::string replacement;          // of a deprecated profile; empty: not deprecated
  std::string eapi;                 // the highest of its nodes
  std::vector<std::string> groups;  // USE_EXPAND, applied

  // The words of a variable after '-x' and '-*' were applied.
  [[nodiscard]] std::vector<std::string> words(const std::string& variable) const;
};

// Throws Error (input) for a parent that is missing, leaves its repository or leads in circles.
// `config_dirfd` (or -1) is a configuration directory whose 'profile' comes last, as
// /etc/portage/profile does.
Profile load_profile(const TreeIndex& tree, const std::string& repository, const std::string& name,
                     int config_dirfd);

// Whether Portage joins this variable's values instead of taking the last one.
bool is_incremental(std::string_view variable);

}  // namespace gbox::portage
