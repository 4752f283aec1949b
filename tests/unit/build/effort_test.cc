#include "effort.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::build;

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

Effort effort(unsigned processors, std::uint64_t memory, const EffortOptions& asked = {},
              const spec::BuildOptions& options = {}) {
  return effort_of(asked, options, processors, memory);
}

}  // namespace

TEST_CASE("a machine's processors and memory decide what nobody asked for") {
  CHECK(effort(1, 64 * kGiB).packages == 1);
  CHECK(effort(2, 64 * kGiB).packages == 2);
  CHECK(effort(8, 64 * kGiB).packages == 3);
  CHECK(effort(64, 640 * kGiB).packages == 4);
  CHECK(effort(64, 640 * kGiB).jobs == 64);
  CHECK(effort(16, 8 * kGiB).jobs == 4);
  CHECK(effort(16, kGiB).jobs == 1);
  CHECK(effort(16, 0).jobs == 16);  // unknown
}

TEST_CASE("the command line goes before the spec, the spec before the machine") {
  spec::BuildOptions options;
  options.jobs = 3;
  options.emerge_jobs = 5;
  options.memory_bytes = 6 * kGiB;
  Effort found = effort(16, 64 * kGiB, {}, options);
  CHECK(found.jobs == 3);
  CHECK(found.packages == 5);
  CHECK(found.memory_bytes == 6 * kGiB);
  EffortOptions asked;
  asked.jobs = 7;
  asked.packages = 1;
  asked.memory_bytes = kGiB;
  asked.retries = 2;
  asked.keep_going = true;
  found = effort(16, 64 * kGiB, asked, options);
  CHECK(found.jobs == 7);
  CHECK(found.packages == 1);
  CHECK(found.memory_bytes == kGiB);
  CHECK(found.attempts == 3);
  CHECK(found.keep_going);
}
