// From a spec to a plan: names resolved against the lock, 'native' against the base, keys made.
// The lock is written beside the spec whenever something was resolved.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "gbox/build/build.h"
#include "gbox/build/plan.h"
#include "inputs.h"
#include "sources.h"
#include "step.h"

namespace gbox::build {

struct Relock {
  std::set<std::string> names;  // "base", repositories, hosts, "cpu": resolved anew
  bool all = false;
  bool dry_run = false;  // the lock is not written
};

// Settles everything of `inputs` up to its plan; runs the base's step when 'native' must be asked
// of its compiler. Returns what changed in the lock, a line each.
std::vector<std::string> settle(Inputs& inputs, const SpecSource& source, Sources& sources,
                                const Relock& relock = {});

// Opens the base's archive, fetching it first when the store has not got it.
void open_base(Inputs& inputs, Sources& sources);
// Opens all ebuild repositories, fetching and unpacking those that are not directories here, and
// checks the spec's Portage configuration against them, each once. Throws SpecError with all its
// faults.
void open_repositories(Inputs& inputs, Sources& sources, Masked masked = Masked::told_first);

// The record of `step` on `parents`, found or made. While another gbox makes it, this one waits.
store::Record ensure_step(const StepContext& context, const plan::Step& step, const StepInfo& info,
                          const std::vector<std::string>& parents);

}  // namespace gbox::build
