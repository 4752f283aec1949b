// What a phase does to files without running anything of the image: `copy` and `remove`, done by
// gbox through the step's mount, every path resolved inside the root as after chroot.
#pragma once

#include <string>

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

// Removes what matches an absolute glob (*, ?, […] within a component) below `root`. Links among
// the parents are followed inside the root, the last component never is. Returns what was
// removed.
Removed remove_matching(int rootfd, const std::string& root, const std::string& pattern);

}  // namespace gbox::build
