// What `gbox plan` tells: the steps of a build, the packages of the emerge phase that comes next,
// as the image's own Portage answered, and what they will cost; and, when Portage refuses to plan,
// what the spec would have to say, to be written into it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/build/build.h"
#include "gbox/build/policies.h"
#include "gbox/plan/estimate.h"
#include "gbox/plan/explain.h"
#include "gbox/portage/emerge_plan.h"
#include "gbox/spec/edit.h"

namespace gbox::build {

// What gbox adds to one package of Portage's plan.
struct PackageOutlook {
  std::optional<std::size_t> step;  // in BuildPlan::steps; absent: the phase is run as one
  bool in_store = false;            // its build is, at its turn: it is merged, not compiled
  std::string place;                // of that time, the directory that it comes from; mostly empty
  std::optional<double> seconds;    // what it took, or another build of it that is like it
  std::uint64_t fetch_bytes = 0;    // of what is to be fetched for it
  std::size_t fetch_files = 0;
};

struct BuildPlan {
  std::vector<plan::PlannedStep> steps;  // packages stand in front of their phase
  // The phase whose packages are known; empty: there is none, and all that follows is empty.
  std::string phase;
  std::string root;
  portage::EmergePlan emerge;
  std::vector<PackageOutlook> packages;  // one for each of emerge.packages
  plan::Estimate estimate;               // of what is to be compiled
  unsigned jobs = 1;                     // packages at once
  std::uint64_t fetch_bytes = 0;         // each file once
  std::size_t fetch_files = 0;
  std::size_t fetch_unsized = 0;                // of these files, those whose size nobody tells
  std::map<std::string, PhasePolicy> policies;  // by phase
  std::vector<std::string> later;  // emerge phases whose packages depend on what runs before them
};

// Portage refuses to plan a phase.
class NoPlan : public Error {
 public:
  NoPlan(std::string message, std::vector<spec::PortageAddition> additions)
      : Error(std::move(message), ExitCode::plan), additions_(std::move(additions)) {}
  // What the spec would have to say for a plan; empty: that is not known.
  [[nodiscard]] const std::vector<spec::PortageAddition>& additions() const noexcept {
    return additions_;
  }

 private:
  std::vector<spec::PortageAddition> additions_;
};

// Who says that a phase asks for what is masked: gbox, before anything runs, as SpecError; or
// Portage, once it can be asked, which knows all that is behind it, too: as NoPlan.
enum class Masked { told_first, told_by_portage };

// What build() would run, and why. Runs no step, but what is needed to know: names are resolved and
// locked, ebuild repositories unpacked, and the configuration written, as build() would. Throws
// NoPlan, too.
BuildPlan make_build_plan(const BuildRequest& request, Masked masked, Observer& observer);

// Writes additions into the spec's file, in the place of the old one, and returns the lines that
// are other than before: none when the spec says all of this. Throws Error (usage) when it is not
// ours to write: read-only, somebody else's, or a link to another directory.
std::vector<spec::EditedSpec::Line> add_to_spec(
    const SpecSource& source, const std::vector<spec::PortageAddition>& additions);

}  // namespace gbox::build
