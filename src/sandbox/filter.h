// A policy's system calls as BPF programs, made before the fork: the long list by
// allow_program.h, the few refusals with their arguments by libseccomp. The child only installs
// them.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "gbox/sandbox/policy.h"

namespace gbox::sandbox {

// Two programs, to be installed in this order: what is allowed (all else, and every call of an
// unknown architecture: ENOSYS), and what is refused (EPERM). Two, because libseccomp cannot say
// 'allowed but for these arguments' in one; the kernel takes the stricter answer, and of two
// errors the later program's. The native architecture and its 32-bit relatives (multilib, x32)
// follow the same rules.
std::vector<std::vector<sock_filter>> seccomp_programs(const Policy& policy);

}  // namespace gbox::sandbox
