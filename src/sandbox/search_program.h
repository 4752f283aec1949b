// A BPF program of our own making that finds a call's answer by binary search over the ranges of
// numbers. libseccomp's generator took 15 ms for 400 names on three architectures, more than all
// the rest of starting a sandbox, and cannot say 'allowed but for these arguments' in one program.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

namespace gbox::sandbox {

using Program = std::vector<sock_filter>;

sock_filter statement(unsigned code, std::uint32_t value);
void append(Program& program, const Program& more);

// What is done for the numbers below the first bound, from each bound up to the next, and from the
// last one on. `ends` has one more entry than `bounds`, which are sorted; each is a piece of
// program that ends in a return. The number is expected in the accumulator.
Program search_program(const std::vector<std::uint32_t>& bounds, const std::vector<Program>& ends);

}  // namespace gbox::sandbox
