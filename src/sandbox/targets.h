// Where a sandbox mounts: the places in a root that must be there, and of the right kind, first.
#pragma once

namespace gbox::sandbox {

// Throws Error (input) unless /proc, /dev and /sys are real directories of the root: through a
// link an image would choose what gbox's own mounts cover and what its set-up reads back.
void require_own_targets(int root_fd);

}  // namespace gbox::sandbox
