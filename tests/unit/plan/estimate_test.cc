#include "gbox/plan/estimate.h"

#include <doctest/doctest.h>

using namespace gbox::plan;

TEST_CASE("packages that wait for nothing share the jobs") {
  const std::vector<TimedTask> tasks = {{10, {}}, {20, {}}, {30, {}}};
  CHECK(estimate(tasks, 1).seconds == 60);
  CHECK(estimate(tasks, 2).seconds == 30);
  CHECK(estimate(tasks, 3).seconds == 30);  // the longest one
  CHECK(estimate(tasks, 0).seconds == 60);
  CHECK(estimate({}, 4).seconds == 0);
}

TEST_CASE("no number of jobs beats the longest chain") {
  const std::vector<TimedTask> tasks = {{10, {}}, {20, {0}}, {5, {0}}, {30, {1, 2}}, {1, {}}};
  CHECK(estimate(tasks, 8).seconds == 60);
  CHECK(estimate(tasks, 1).seconds == 66);
}

TEST_CASE("what was never built is counted, and left out") {
  const Estimate some = estimate({{10, {}}, {std::nullopt, {0}}, {5, {1}}}, 4);
  CHECK(some.seconds == 15);
  CHECK(some.unknown == 1);
  CHECK(estimate({{std::nullopt, {}}}, 1).unknown == 1);
}

TEST_CASE("edges that lead nowhere, or round in a circle, are passed over") {
  CHECK(estimate({{10, {0, 1, 99}}, {10, {1, 0}}}, 8).seconds == 20);
}
