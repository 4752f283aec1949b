// Why a phase has no plan, and what would give it one, in words and lines for the spec.
#pragma once

#include <string>
#include <vector>

#include "gbox/portage/emerge_plan.h"

namespace gbox::build {

struct PlanWords {
  std::vector<std::string> sentences;  // empty: only Portage's own text tells
  std::vector<std::string> remedies;   // a line each
};

PlanWords plan_words(const portage::EmergePlan& plan);

}  // namespace gbox::build
