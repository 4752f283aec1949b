// What has to be done in a ROOT of its own as if it were '/', by programs of the image: an eselect
// that acts on ROOT, and at the end of a phase what installing leaves undone (locales, caches of
// several packages, env.d, the dynamic linker's cache). The programs are inside/*.py; they make a
// throw-away view of ROOT as '/' within the step's own sandbox, and bring back what changed.
#pragma once

#include <string>
#include <vector>

#include "gbox/sandbox/sandbox.h"
#include "workbench.h"

namespace gbox::build {

// Whether what cannot be chosen yet may wait for finish_root_deed().
enum class MayWait { no, yes };

// Shows the programs in a sandbox. `directory`, made here, holds them; it is the step's, and no
// part of its result. An eselect of theirs comes before the image's in PATH.
std::vector<sandbox::Mount> root_effects_mounts(const std::string& directory, MayWait may_wait);

// After everything is merged. Fails the step when a choice cannot be made even now.
Deed finish_root_deed(const std::string& root);

}  // namespace gbox::build
