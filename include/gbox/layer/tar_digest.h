// What is inside a compressed layer, without unpacking it: for those who check images.
#pragma once

#include <functional>
#include <string_view>

#include "gbox/base/digest.h"

namespace gbox::layer {

// SHA-256 of the tar inside the archive from `archive_fd`'s current offset to its end, as
// unpack_archive() computes it, with its limit of compression. Borrowed. `name` is how errors call
// it; `check_interrupt`, which may be empty, throws to stop. Throws Error (ExitCode::input).
Digest tar_digest(int archive_fd, std::string_view name,
                  const std::function<void()>& check_interrupt = {});

}  // namespace gbox::layer
