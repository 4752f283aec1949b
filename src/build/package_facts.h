// What decides the build of each package of a plan, gathered from where it lies: ebuilds, eclasses
// and patches from the repositories and the configuration, installed packages from the step's root,
// everything else from the plan. See gbox/plan/package.h for what becomes of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/portage/emerge_plan.h"
#include "inputs.h"
#include "step.h"

namespace gbox::build {

// A package of a plan, as a step.
struct PackageStep {
  std::size_t index = 0;  // in EmergePlan::packages
  // "php/dev-lang/php", with ":SLOT" when the plan has two of them there, and "@/" when it goes to
  // another root than the phase's.
  std::string name;
  std::string key;       // of the package; empty for an uninstall
  Json parts;            // of that key
  bool reusable = true;  // false: its ebuild fetches what is newest
};

// Files that something else than a package put where builds look (below /usr, say): path → digest
// of what is there now.
using Altered = std::map<std::string, std::string>;
// Those of a snapshot.
Altered altered_files(const store::Store& store, const std::string& snapshot);

// What gbox knows of what is installed on a chain of snapshots.
class Installed {
 public:
  // Out of the records of the chain's steps. `chain` is lowest first.
  Installed(const store::Store& store, const std::vector<std::string>& chain);

  // Key of the package that gbox built and merged into '/'; empty: it came with the base, or in
  // another way, or a script has changed files of it since.
  [[nodiscard]] std::string key_of(const std::string& cpv, int rootfd) const;
  // Digest of what scripts and copies left where builds look; empty: nothing.
  [[nodiscard]] std::string strays() const;

  void merged(const std::string& cpv, const std::string& key) { keys_[cpv] = key; }
  void altered(const Altered& more);
  // Something was merged of which no key is known.
  void forget();
  [[nodiscard]] bool is_known() const noexcept { return known_; }

  // For the record of a phase: what it merged into '/', and what else it changed.
  static Json describe(const std::map<std::string, std::string>& merged, const Altered& altered);

 private:
  std::map<std::string, std::string> keys_;  // cpv → key
  Altered altered_;
  bool known_ = true;  // since this was made
};

// The steps of `plan` for `phase`, in merge order, on `parents` (snapshots, lowest first), of which
// `installed` tells. Throws Error (plan) for an answer of the image that does not fit together.
std::vector<PackageStep> package_steps(const StepContext& context, const spec::Phase& phase,
                                       const portage::EmergePlan& plan, const Installed& installed,
                                       const std::vector<std::string>& parents);

}  // namespace gbox::build
