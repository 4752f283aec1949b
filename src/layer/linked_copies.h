// Copies of files of one tree in another, that are links of each other where the originals were.
// Used by copy_tree.cc and replica.cc.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <unordered_map>

#include "copy_entry.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"

namespace gbox::layer {

class LinkedCopies {
 public:
  // `path` is where the copy lies below `top`.
  void put(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
           int top, const std::string& path, OverlayNames names) {
    std::string& first = first_[status.st_ino];
    if (status.st_nlink > 1 && !first.empty()) {
      const sys::Fd inode =
          sys::open_beneath(top, first, O_PATH | O_NOFOLLOW, sys::Resolve::no_symlinks);
      // By way of /proc: AT_EMPTY_PATH asks for a capability over the whole machine.
      const std::string link = "/proc/self/fd/" + std::to_string(inode.get());
      if (::linkat(AT_FDCWD, link.c_str(), to_dirfd, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
        throw SysError(errno, "link " + quoted(first));
      return;
    }
    copy_regular(from_dirfd, name, status, to_dirfd, names);
    first = path;
  }

 private:
  std::unordered_map<ino_t, std::string> first_;
};

}  // namespace gbox::layer
