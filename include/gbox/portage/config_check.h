// Does the spec's Portage configuration mean what it says: checked against the repositories and
// the profile before hours are spent. Reads files only, runs nothing, finds every fault in one go.
// What only a resolver can tell (dependencies, blockers, slots) is not asked here. `build` calls
// it once the repositories are there, for `plan` and `build` alike.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/portage/repository.h"
#include "gbox/spec/spec.h"

namespace gbox::portage {

struct ConfigCheck {
  std::span<const CheckedRepository> repositories;
  std::string arch;       // of the base, Gentoo's word ("amd64"); empty: the profile's is taken
  int config_dirfd = -1;  // the spec's config_dir, open; -1: none
  bool emerge_decides = false;  // what emerge would refuse is a warning: it will be asked
};

struct ConfigFindings {
  std::vector<SpecFault> faults;    // what cannot work; by place in the spec
  std::vector<SpecFault> warnings;  // what has no effect, or may not work
  // What could not be checked, and why: at most one line, without a place.
  std::vector<Warning> notes;
};

// Nothing is found when the spec has no repositories. Throws Error (input) only for a repository
// that cannot be read or is hostile (files beyond the limits).
ConfigFindings check_config(const spec::BuildSpec& spec, const ConfigCheck& check);

}  // namespace gbox::portage
