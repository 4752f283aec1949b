// Single entries of a root made again in another, with everything an image holds of them: content
// with its holes, owner, mode, attributes, time. Files that are links of each other stay links of
// each other. `build` calls it inside the store's user namespace, for what one root takes over from
// another; both are seen through mounts, so attributes have the names that programs see.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>

#include "gbox/sys/fd.h"

namespace gbox::layer {

class EntryCopies {
 public:
  // `top` (borrowed) is the directory that everything is copied beneath.
  explicit EntryCopies(int top);
  EntryCopies(const EntryCopies&) = delete;
  EntryCopies& operator=(const EntryCopies&) = delete;
  ~EntryCopies();

  // Anything but a directory. `status` is of lstat. There must be nothing of that name in
  // `to_dirfd`, which is the directory at `to_path` (relative to `top`, no links in it). Throws
  // Error.
  void copy(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
            const std::string& to_path);

 private:
  class Links;
  int top_;
  std::unique_ptr<Links> links_;
};

// A directory beneath `to` and those above it, open: what is missing is made as it is beneath
// `from` (owner, mode, attributes, time), if it is there. Links of `to` are followed as after
// chroot; `path` is relative, without '..'.
sys::Fd ensure_directory_like(int from, int to, const std::string& path);

}  // namespace gbox::layer
