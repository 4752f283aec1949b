// What a build would do inside the emerge phase that comes next, package by package. For
// `gbox plan`: asks the image's own Portage, runs nothing.
#pragma once

#include <vector>

#include "gbox/plan/explain.h"
#include "step.h"

namespace gbox::build {

// `planned` with the packages of the first phase that has to run put in front of it, when it is an
// emerge phase and everything below it is in the store. The observer hears their number and what
// building them took the last time. Throws Error (plan) when Portage has no plan for the phase.
std::vector<plan::PlannedStep> with_packages(const StepContext& context,
                                             std::vector<plan::PlannedStep> planned);

}  // namespace gbox::build
