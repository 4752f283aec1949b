// What a step may take at most, by [limits], a phase's 'limits' and --limit. A step that reaches
// one is ended whole. Limits decide nothing about a result and enter no key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gbox/base/error.h"

namespace gbox::spec {

struct Limit {
  std::uint64_t value = 0;  // seconds, bytes or a count
  std::string shown;        // as it was written: "2h", "8G", "4096"
  Location where;           // of the spec; the file alone is "--limit" on the command line
};

struct Limits {
  std::optional<Limit> time;       // seconds by the clock, of one command of a step
  std::optional<Limit> memory;     // bytes, of all processes of a step together
  std::optional<Limit> processes;  // at once, threads counted
  std::optional<Limit> file_size;  // bytes, of one file
  std::optional<Limit> disk;       // bytes that a step adds to the store
};

// Those of `over` where it has them, else those of `under`.
Limits merged(const Limits& under, const Limits& over);

// Takes "time", "2h". Throws Error (usage) with what is allowed.
void set_limit(Limits& limits, std::string_view name, std::string_view text, Location where);

// "90s", "45m", "2h", "1d": in seconds. Nothing for what is none.
std::optional<std::uint64_t> parse_seconds(std::string_view text);

}  // namespace gbox::spec
