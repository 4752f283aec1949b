// The step's root file system as the child puts it together, by system calls only: what is mounted
// on it, the change of the root, and what the policy covers. Failures end the child.
#pragma once

#include "child.h"

namespace gbox::sandbox {

// Tells the parent what failed with this errno, and ends the process.
[[noreturn]] void fail(const Prepared& p, Operation operation, std::size_t index = 0) noexcept;

// 0, or -1 with errno.
int attach_to(int tree_fd, int target_fd) noexcept;

int mount_outer_proc(const Prepared& p) noexcept;  // its descriptor
void mount_inner_proc(const Prepared& p) noexcept;
void mount_sys(const Prepared& p) noexcept;
void attach_all(const Prepared& p) noexcept;
void pivot(const Prepared& p) noexcept;

// After the pivot.
void hide(const Prepared& p, const std::vector<std::string>& paths, Operation operation) noexcept;
void make_read_only(const Prepared& p) noexcept;

}  // namespace gbox::sandbox
