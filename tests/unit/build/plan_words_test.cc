#include "plan_words.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::build;
using Kind = portage::Problem::Kind;
using Lines = std::vector<std::string>;

namespace {

PlanWords of(std::vector<portage::Problem> problems) {
  portage::EmergePlan plan;
  plan.exit_status = 1;
  plan.problems = std::move(problems);
  return plan_words(plan);
}

portage::Problem blocked(portage::Side by, portage::Side whom) {
  portage::Problem problem;
  problem.kind = Kind::blocked;
  problem.atom = "!" + whom.cpv;
  problem.of = {by.cpv};
  problem.by = {std::move(by)};
  problem.blocks = {std::move(whom)};
  return problem;
}

}  // namespace

TEST_CASE("an image that names a problem without its versions is taken by its word") {
  const PlanWords words = of({{Kind::unsatisfied, "a/b", {"c/d-1"}, {}, {}, {}, {}}});
  CHECK(words.sentences == Lines{"nothing satisfies 'a/b', wanted by 'c/d-1'"});
  CHECK(words.remedies.empty());
  CHECK(of({blocked({}, {})}).sentences.size() == 1);
  CHECK(of({{Kind::blocked, "!a/b", {"c/d-1"}, {}, {}, {}, {}}}).sentences ==
        Lines{"'!a/b' blocks, asked for by 'c/d-1'"});
  CHECK(of({{Kind::slot_conflict, "", {"a/b-1", "a/b-2"}, {}, {}, {}, {}}}).remedies ==
        Lines{"ask for one of them only"});
}

TEST_CASE("two packages that exclude each other are one matter") {
  const portage::Side red{"x/red-1", false, {"@set"}, {}};
  const portage::Side blue{"x/blue-1", true, {}, {"x/user-1", "x/other-1"}};
  const PlanWords words = of({blocked(red, blue), blocked(blue, red)});
  CHECK(words.sentences ==
        Lines{"'x/red-1' (asked for as '@set') cannot be installed beside 'x/blue-1' (installed "
              "before this phase, wanted by 'x/user-1' and 'x/other-1'): '!x/blue-1'"});
  CHECK(words.remedies.size() == 2);
}

TEST_CASE("each change that breaks a circle is a line of its own, one of them enough") {
  portage::Problem circle;
  circle.kind = Kind::circular;
  circle.of = {"a/b-1", "c/d-1", "e/f-1"};
  portage::Refused change;
  change.id.cpv = "a/b-1";
  change.needs_use = {"-doc"};
  circle.refused = {change, change};
  circle.refused[1].id.cpv = "c/d-1";
  CHECK(of({circle}).remedies == Lines{"add to [portage]: package_use.\"a/b\" = [\"-doc\"]",
                                       "or add to [portage]: package_use.\"c/d\" = [\"-doc\"]"});
}

TEST_CASE("of many who want a version of a slot, one is named for each") {
  portage::Problem conflict;
  conflict.kind = Kind::slot_conflict;
  conflict.of = {"a/b-1", "a/b-2"};
  conflict.demands = {{"a/b-1", "c/d-1", "<a/b-2", true},
                      {"a/b-1", "c/e-1", "<a/b-2", false},
                      {"a/b-2", ">=a/b-2", ">=a/b-2", false}};
  const PlanWords words = of({conflict});
  CHECK(words.sentences == Lines{"'a/b-1' and 'a/b-2' are wanted in one slot",
                                 "'c/d-1' (installed before this phase) wants '<a/b-2'",
                                 "the phase wants '>=a/b-2'"});
  REQUIRE(words.remedies.size() == 1);
  CHECK(words.remedies[0].starts_with("take a version of 'c/d-1' that agrees"));
}
