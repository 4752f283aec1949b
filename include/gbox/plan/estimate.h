// How long packages will take to build, side by side, from what each took before. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace gbox::plan {

struct TimedTask {
  std::optional<double> seconds;   // absent: nobody knows; it then counts as nothing
  std::vector<std::size_t> after;  // numbers of tasks before this one that it waits for
};

struct Estimate {
  double seconds = 0;
  std::size_t unknown = 0;  // tasks that are not in it
};

// Never less than the longest chain of tasks that wait for one another, nor than all of them
// divided by `jobs` (at least 1), which no schedule can beat. A task that waits for a later one, or
// for itself, is taken not to.
Estimate estimate(const std::vector<TimedTask>& tasks, unsigned jobs);

}  // namespace gbox::plan
