// Why a step runs: two lists of key parts compared, field by field, in words for a person. Pure.
// The old parts come from a record, so they are outside bytes: whatever is in them, the answer is
// text, never an error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/plan/plan.h"

namespace gbox::plan {

// Short reasons, those of the part that comes first in front: "parent 'world' changed",
// "emerge: 'app/x' added", "run script changed", "repository 'standin' changed", "policy 'emerge'
// changed", "key format changed". Empty when nothing differs. `parent_name` is how the new plan
// calls the parent.
std::vector<std::string> explain(const Json& old_parts, const Json& new_parts,
                                 std::string_view parent_name);

// What the store knows about a step.
struct Known {
  bool cached = false;             // a sound record of this very key
  std::optional<Json> last_parts;  // parts of the newest record of a step of this name
};
using Lookup = std::function<Known(const Step&)>;

struct PlannedStep {
  Step step;
  bool cached = false;
  std::string reason;  // why it runs; empty when it is cached
  double seconds = 0;  // what a package took to build the last time; 0: unknown
};

// Asks `lookup` once for each step, in order. A step whose parent has to run is never cached: what
// it was built upon is gone.
std::vector<PlannedStep> annotate(const Plan& plan, const Lookup& lookup);

// {"steps": [{"name", "phase", "package", "key", "cached", "reason"}…]}, as `gbox plan --json`
// prints it; "phase" and "package" are null where there is none.
OrderedJson to_json(const std::vector<PlannedStep>& steps);

}  // namespace gbox::plan
