// What fuse-overlayfs leaves in its upper directory, in the kernel's words: it marks what is gone
// as files '.wh.NAME', opaque directories by '.wh..wh..opq', '.wh..opq' and an attribute of its own
// name.
#pragma once

#include <functional>
#include <string>

namespace gbox::layer {

// Rewrites `upper` (O_RDONLY), which nothing is mounted on, as the kernel would have written it.
// `is_below` tells whether the layers below show something at a path; it is asked for new
// directories, which the kernel marks only then. Twice is harmless.
void translate_fuse_marks(int upper, const std::function<bool(const std::string&)>& is_below,
                          const std::function<void()>& check_interrupt = {});

}  // namespace gbox::layer
