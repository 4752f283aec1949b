// What a phase that builds up a ROOT of its own has done for it before and after its packages are
// merged (ground.h, runtime_libraries.h, root_effects.h), on its workbench.
#pragma once

#include "ground.h"
#include "workbench.h"

namespace gbox::build {

// Before the plan is asked for, on the root it is asked in: what Portage is to find there. A
// package that is not there to be taken over is passed over; prepare_root() tells.
void prepare_for_plan(int rootfd, const spec::Phase& phase);

// With what the phase copies, in between: a file it copies wins over one of a package, and links
// come before both.
void prepare_root(const StepContext& context, const spec::Phase& phase, Workbench& bench);

// After the packages. Throws StepFailed, after keeping the failure.
void finish_root(const StepContext& context, const spec::Phase& phase, Workbench& bench,
                 const Shown& shown);

}  // namespace gbox::build
