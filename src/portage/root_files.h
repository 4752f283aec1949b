// Files of a root directory that is somebody else's.
#pragma once

#include <optional>
#include <string>

#include "gbox/base/error.h"
#include "gbox/sys/beneath.h"

namespace gbox::portage {

// Links lead where they would lead inside. Nothing for what is absent or cannot be opened.
inline std::optional<sys::Fd> try_open_inside(int rootfd, const std::string& path, int flags) {
  try {
    return sys::try_open_beneath(rootfd, path, flags, sys::Resolve::in_root);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace gbox::portage
