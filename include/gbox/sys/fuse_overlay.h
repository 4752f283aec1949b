// An overlay mounted by fuse-overlayfs(1), for where the kernel mounts none in a user namespace.
// The program serves the mount, so that it has to run as long as that is in use; it dies with gbox.
// Whiteouts and opaque marks in the upper directory are its own: layer/foreign_marks.h.
#pragma once

#include <optional>
#include <string>

#include "gbox/sys/fd.h"
#include "gbox/sys/mount.h"
#include "gbox/sys/process.h"

namespace gbox::sys {

class FuseOverlay {
 public:
  // Attached at the directory `point` for a moment. `base_path` is the absolute path of
  // `overlay.base_fd`. Throws Error (host) with what the program said when it cannot mount.
  FuseOverlay(const Overlay& overlay, const std::string& base_path, const std::string& point);

  // The detached mount; once.
  [[nodiscard]] Fd take() noexcept { return std::move(tree_); }
  // Waits until the mount is used no more and all that was written is in the upper directory.
  // Throws Error when it is still in use after a while.
  void wait();

 private:
  Fd tree_;
  std::optional<RunningHelper> helper_;
};

// Its path; "" when it is not installed.
std::string find_fuse_overlay();

}  // namespace gbox::sys
