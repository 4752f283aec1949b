// Asking the image's own Portage what a phase's emerge would do, before it does it: in the sandbox
// that the step would have (policy, mounts, environment; never a network), over a throw-away upper
// directory on the step's parents. Nothing of it is kept. Called by the driver before an emerge
// phase that must run, and by `gbox plan` and `gbox fetch`.
#pragma once

#include <string>
#include <vector>

#include "gbox/portage/emerge_plan.h"
#include "step.h"

namespace gbox::build {

// The plan of the first pass of `phase`, on `parents` (snapshot ids, lowest first), after what the
// phase copies. A plan that cannot be run is a value, too (see EmergePlan::ok): require_plan() is
// the error. Digests of distfiles are those of the Manifests of the spec's repositories, as this
// host has them; what else the image claims is checked against them.
// Throws Error (plan) when the image gives no answer at all, Interrupted, and what the sandbox
// throws. The phase must emerge something.
portage::EmergePlan ask_emerge(const StepContext& context, const spec::Phase& phase,
                               const std::vector<std::string>& parents);

// Throws NoPlan unless the plan can be run: each problem in a sentence, with what would solve it as
// the lines that `file`, the spec, would have; or what Portage printed, when that is all there is.
void require_plan(const portage::EmergePlan& plan, const spec::Phase& phase,
                  const std::string& file);

// What a build should know of a plan that works: packages that fetch while they are built
// (PROPERTIES=live), an answer from text, a Portage that gbox's tests have not met.
std::vector<Warning> plan_warnings(const portage::EmergePlan& plan, const spec::Phase& phase);

}  // namespace gbox::build
