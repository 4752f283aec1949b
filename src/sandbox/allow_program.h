// The list of allowed calls as a BPF program of our own making: a binary search over the ranges of
// allowed numbers. libseccomp's generator took 15 ms for these 400 names on three architectures,
// more than all the rest of starting a sandbox; names and numbers still come from its tables.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gbox::sandbox {

// An architecture as the kernel reports it to a filter, and the libseccomp tables that number its
// calls: x32 is x86-64 with a bit in the number.
struct FilterArchitecture {
  std::uint32_t audit = 0;
  std::vector<std::uint32_t> tables;
};

// The native architecture and its 32-bit relatives.
std::vector<FilterArchitecture> filter_architectures();

// Allows `names`, answers every other call and every other architecture with ENOSYS.
std::vector<sock_filter> allow_program(const std::vector<std::string>& names);

// Answers ENOSYS except for numbers in an odd gap of `bounds` (sorted: allowed from bounds[0] up
// to, not including, bounds[1], and so on), with the number in the accumulator. For tests.
std::vector<sock_filter> search_program(const std::vector<std::uint32_t>& bounds);

}  // namespace gbox::sandbox
