// Running one step: what a phase asks for, in a fixed order, on the overlay of its parents. The
// result is a snapshot and a record, or a kept failure.
#pragma once

#include <string>
#include <vector>

#include "effort.h"
#include "gbox/build/observer.h"
#include "gbox/plan/plan.h"
#include "gbox/sandbox/sandbox.h"
#include "gbox/store/store.h"
#include "inputs.h"

namespace gbox::build {

// A step that ended with another status than 0. The message holds phase, cause and status.
class StepFailed : public Error {
 public:
  using Error::Error;
  bool out_of_memory = false;
};

class CacheDirectories;
class Supplies;
class Workbench;

struct StepContext {
  const Inputs& inputs;
  store::Store& store;
  Observer& observer;
  Supplies* supplies = nullptr;        // of emerge phases; nullptr where none runs
  CacheDirectories* caches = nullptr;  // that packages may come from; nullptr: none
  Effort effort = {};
};

// What a failed step is kept under: specs share phase names such as 'php' and 'trim'.
std::string failure_name(const spec::BuildSpec& spec, const std::string& step);

// Runs `step` on `parents` (snapshot ids, lowest first) and publishes it. `info` is what the
// observer calls it. Throws StepFailed, after keeping the failure for a shell; whatever else it
// throws leaves nothing behind.
store::Record run_step(const StepContext& context, const plan::Step& step, const StepInfo& info,
                       const std::vector<std::string>& parents);

// The mounts every sandbox of this spec has: repositories, distfiles, temporary directories.
// `tmp` and `var_tmp` are the directories for /tmp and /var/tmp, `distfiles` the one that is seen,
// read-only, as Portage's; empty: none.
std::vector<sandbox::Mount> step_mounts(const Inputs& inputs, const std::string& tmp,
                                        const std::string& var_tmp, const std::string& distfiles);
// Gives a sandbox a network, with the file that names are resolved by in `directory`, which is
// made.
void add_network(sandbox::Settings& settings, sandbox::Network network,
                 const std::string& directory);
sandbox::Network sandbox_network(spec::Network network);
// What a step of an emerge phase sees of them: just what its plan names, for one package only what
// that one needs.
std::string phase_distfiles(const StepContext& context, const spec::Phase& phase,
                            const Workbench& bench, const std::string& cpv = {});
// The directory of all source archives there are: for scripts and shells.
std::string all_distfiles(const StepContext& context);
std::vector<std::string> step_targets(const Inputs& inputs);

}  // namespace gbox::build
