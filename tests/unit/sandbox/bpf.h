// What the kernel would answer to a system call under some seccomp programs: a small interpreter,
// so that a filter can be asked about every call, argument and architecture without being in force.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace gbox::tests {

struct Call {
  std::uint32_t architecture;  // AUDIT_ARCH_*
  std::uint32_t number;        // with x32's bit where it is one
  std::array<std::uint64_t, 6> arguments{};
};

// "allow", "notify", or the errno's name. Throws std::runtime_error on anything the kernel would
// refuse to load or that no filter of ours should say, such as killing.
std::string answer(const std::vector<std::vector<sock_filter>>& programs, const Call& call);

}  // namespace gbox::tests
