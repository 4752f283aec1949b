// What a phase does to files without running anything of the image: `copy` and `remove`, done by
// gbox through the step's mount, every path resolved inside the root as after chroot.
#pragma once

#include <string>
#include <string_view>

#include "gbox/base/sink.h"
#include "gbox/spec/spec.h"
#include "savings.h"

namespace gbox::build {

// Copies `from` (an absolute path of the host; file, directory or symbolic link) to `copy.to`
// below `root` of the file system at `rootfd`. Modes are those of `copy.mode`, else 0755 for
// directories and programs and 0644 for the rest; times are one fixed value: what a checkout
// happens to have must not reach the image.
void copy_into(int rootfd, const std::string& root, const spec::Copy& copy,
               const std::string& from);

// Copies what is in the directory `from` into the empty one `to` (both borrowed), links as links,
// as the caller's own and readable by everybody, with the times that it has; but for the names
// directly in `from` that `leave_out` accepts.
void copy_readable(int from, int to, bool (*leave_out)(std::string_view name));

// Removes what matches an absolute glob (*, ?, […] within a component) below `root`. Links among
// the parents are followed inside the root, the last component never is. Returns what was
// removed.
Removed remove_matching(int rootfd, const std::string& root, const std::string& pattern);

}  // namespace gbox::build
