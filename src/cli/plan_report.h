// `gbox plan` as text, as a tree of packages and as JSON. Names come from an image: whatever is in
// them, no control character leaves here.
#pragma once

#include <string>

#include "gbox/base/json.h"
#include "gbox/build/plan.h"
#include "tree_text.h"

namespace gbox::cli {

// A line for each step, and what it adds up to where packages are known.
std::string plan_list(const build::BuildPlan& plan);
// Who needs which package, then the same sums.
std::string plan_tree(const build::BuildPlan& plan, Lines lines);
// Fields may come, none goes: gbox(1) lists them.
OrderedJson plan_json(const build::BuildPlan& plan);

}  // namespace gbox::cli
