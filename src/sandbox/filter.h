// A policy's system calls as one BPF program, made before the fork; the child only installs it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "gbox/sandbox/policy.h"
#include "search_program.h"

namespace gbox::sandbox {

// Some of the bits of an argument's low half are set.
struct ArgumentBits {
  int argument = -1;  // 0…5; -1: whatever the arguments
  std::uint32_t bits = 0;
};

// What a filter leaves to gbox to answer (see notified.h).
struct Notifications {
  std::set<std::string> calls;  // where the policy allows them
  bool refusals = false;        // whatever the policy does not allow
  // Of the calls, those that are left to gbox only with such arguments: the kernel does the others.
  std::map<std::string, ArgumentBits> only_with;
  [[nodiscard]] bool any() const { return refusals || !calls.empty(); }
};

// Allowed, refused with the policy's errno by what the arguments are, or unknown (as is every call
// of a foreign architecture): ENOSYS. The native architecture and its 32-bit relatives (multilib,
// x32) follow the same rules.
Program seccomp_program(const Policy& policy, const Notifications& notifications = {});

}  // namespace gbox::sandbox
