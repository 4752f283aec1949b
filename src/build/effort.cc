#include "effort.h"

#include <algorithm>

namespace gbox::build {

namespace {

// A configure script keeps one processor busy whatever the package: two packages at once fill a
// small machine, and more than four bring little but memory in use.
unsigned usual_packages(unsigned jobs) {
  return jobs == 1 ? 1 : std::min(4u, 2 + jobs / 8);
}

}  // namespace

Effort effort_of(const EffortOptions& asked, const spec::BuildOptions& options, unsigned processors,
                 std::uint64_t memory_bytes) {
  Effort effort;
  effort.memory_bytes = asked.memory_bytes.value_or(options.memory_bytes.value_or(memory_bytes));
  const auto by_memory = effort.memory_bytes == 0
                             ? processors
                             : static_cast<unsigned>(std::min<std::uint64_t>(
                                   processors, effort.memory_bytes / kMemoryOfJob));
  const auto jobs = asked.jobs ? asked.jobs : options.jobs;
  effort.jobs = jobs.value_or(std::max(1u, by_memory));
  const auto packages = asked.packages ? asked.packages : options.emerge_jobs;
  effort.packages = packages.value_or(usual_packages(effort.jobs));
  effort.attempts = 1 + asked.retries;
  effort.keep_going = asked.keep_going;
  effort.trace_policy = asked.trace_policy;
  effort.limits = asked.limits;
  effort.host_name = asked.host_name;
  return effort;
}

}  // namespace gbox::build
