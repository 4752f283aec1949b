#include "gbox/sys/machine.h"

#include <doctest/doctest.h>

using namespace gbox::sys;

TEST_CASE("counters of the kernel are read by their whole names") {
  const char* text = "oom_kill_disable 0\noom_kill 12\nempty\nword many\n";
  CHECK(counter(text, "oom_kill") == 12);
  CHECK_FALSE(counter(text, "oom").has_value());
  CHECK_FALSE(counter(text, "empty").has_value());
  CHECK_FALSE(counter(text, "word").has_value());
  CHECK(counter("MemTotal:       24689236 kB\nMemAvailable:   23689236 kB\n", "MemAvailable") ==
        23689236);
}

TEST_CASE("this machine has a processor and some memory") {
  CHECK(usable_processors() >= 1);
  CHECK(usable_memory() > (1u << 20));
  const auto limit = memory_limit();
  if (limit) CHECK(usable_memory() <= *limit);
}
