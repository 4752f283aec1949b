// What a build would do inside the emerge phase that comes next, package by package. For
// `gbox plan`: asks the image's own Portage, runs nothing.
#pragma once

#include <vector>

#include "gbox/build/plan.h"
#include "step.h"

namespace gbox::build {

// `planned` with the packages of the first phase that has to run put in front of it, when it is an
// emerge phase and everything below it is in the store; and what is known of them. Throws NoPlan
// when Portage has none for the phase.
BuildPlan with_packages(const StepContext& context, std::vector<plan::PlannedStep> planned);

}  // namespace gbox::build
