// How much of this machine a build may use: what the kernel has, less what a cgroup or an affinity
// mask keeps from this process. Reading it decides nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gbox::sys {

// Processors that this process may run on, by affinity and by its cgroup's share (cpu.max, rounded
// up); at least 1.
unsigned usable_processors();
// Bytes of memory that this process may take now: what is available, or its cgroup's limit when
// that is less. 0: unknown.
std::uint64_t usable_memory();
// The lowest memory.max (or, of cgroup v1, memory.limit_in_bytes) between this process' cgroup and
// the root of what it sees.
std::optional<std::uint64_t> memory_limit();
// Processes that the kernel has killed for want of memory since it started, anywhere on the host.
// 0: unknown.
std::uint64_t out_of_memory_kills();

// The number behind `name` in a text of lines "NAME NUMBER": /proc/vmstat, /proc/meminfo with its
// ':' and "kB".
std::optional<std::uint64_t> counter(std::string_view text, std::string_view name);

}  // namespace gbox::sys
