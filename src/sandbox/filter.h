// A policy's system calls as one BPF program, made before the fork; the child only installs it.
#pragma once

#include <set>
#include <string>

#include "gbox/sandbox/policy.h"
#include "search_program.h"

namespace gbox::sandbox {

// What a filter leaves to gbox to answer (see notified.h).
struct Notifications {
  std::set<std::string> calls;  // where the policy allows them
  bool refusals = false;        // whatever the policy does not allow
  [[nodiscard]] bool any() const { return refusals || !calls.empty(); }
};

// Allowed, refused with the policy's errno by what the arguments are, or unknown (as is every call
// of a foreign architecture): ENOSYS. The native architecture and its 32-bit relatives (multilib,
// x32) follow the same rules.
Program seccomp_program(const Policy& policy, const Notifications& notifications = {});

}  // namespace gbox::sandbox
