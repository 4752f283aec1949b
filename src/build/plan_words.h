// Why a phase has no plan, and what would give it one, in words and as additions to the spec.
#pragma once

#include <string>
#include <vector>

#include "gbox/portage/emerge_plan.h"
#include "gbox/spec/edit.h"

namespace gbox::build {

struct PlanWords {
  std::vector<std::string> sentences;            // empty: only Portage's own text tells
  std::vector<spec::PortageAddition> additions;  // with all of these there would be a plan
  std::vector<std::string> remedies;             // what else helps; a line each
};

PlanWords plan_words(const portage::EmergePlan& plan);

}  // namespace gbox::build
