#include "gbox/plan/estimate.h"

#include <algorithm>

namespace gbox::plan {

Estimate estimate(const std::vector<TimedTask>& tasks, unsigned jobs) {
  Estimate result;
  double total = 0;
  double longest = 0;
  std::vector<double> ends;  // when each would end if there were no limit on jobs
  for (const TimedTask& task : tasks) {
    double begin = 0;
    for (const std::size_t other : task.after)
      if (other < ends.size()) begin = std::max(begin, ends[other]);
    const double seconds = std::max(task.seconds.value_or(0), 0.0);
    if (!task.seconds) ++result.unknown;
    ends.push_back(begin + seconds);
    longest = std::max(longest, ends.back());
    total += seconds;
  }
  result.seconds = std::max(longest, total / std::max(jobs, 1u));
  return result;
}

}  // namespace gbox::plan
