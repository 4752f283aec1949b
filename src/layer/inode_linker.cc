#include "inode_linker.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "copy_entry.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"

namespace gbox::layer {

namespace {

// Portage refuses to replace a program with setuid or setgid that has names besides those it
// knows: somebody might keep the old one.
bool must_be_copied(const struct stat& status) {
  return S_ISREG(status.st_mode) && (status.st_mode & (S_ISUID | S_ISGID)) != 0;
}

}  // namespace

bool InodeLinker::link_to_copy(const std::string& copy, int to_dirfd,
                               const std::string& name) const {
  const sys::Fd inode =
      sys::open_beneath(root_, copy, O_PATH | O_NOFOLLOW, sys::Resolve::no_symlinks);
  // By way of /proc: AT_EMPTY_PATH asks for a capability over the whole machine.
  const std::string link = "/proc/self/fd/" + std::to_string(inode.get());
  if (::linkat(AT_FDCWD, link.c_str(), to_dirfd, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno != EMLINK) throw SysError(errno, "link " + quoted(copy) + " to " + quoted(name));
  return false;
}

InodeLinker::Outcome InodeLinker::put(int from_dirfd, const std::string& name,
                                      const struct stat& status, int to_dirfd,
                                      const std::function<std::string()>& path_of_name) {
  if (must_be_copied(status)) {
    if (sys::try_fstatat(to_dirfd, name, AT_SYMLINK_NOFOLLOW)) return Outcome::exists;
    return copy(from_dirfd, name, status, to_dirfd, path_of_name);
  }
  if (::linkat(from_dirfd, name.c_str(), to_dirfd, name.c_str(), 0) == 0) return Outcome::linked;
  if (errno == EEXIST) return Outcome::exists;
  if (errno == EXDEV)
    throw Error("link " + quoted(name) + ": it lies on another file system or mount than its layer")
        .add_hint("a store must be one file system, without mounts inside");
  if (errno != EMLINK) throw SysError(errno, "link " + quoted(name));
  return copy(from_dirfd, name, status, to_dirfd, path_of_name);
}

InodeLinker::Outcome InodeLinker::copy(int from_dirfd, const std::string& name,
                                       const struct stat& status, int to_dirfd,
                                       const std::function<std::string()>& path_of_name) {
  if (!S_ISREG(status.st_mode)) {
    copy_special(from_dirfd, name, status, to_dirfd, OverlayNames::keep);
    return Outcome::copied;
  }
  std::string& known = copies_[{status.st_dev, status.st_ino}];
  if (!known.empty() && link_to_copy(known, to_dirfd, name)) return Outcome::linked;
  copy_regular(from_dirfd, name, status, to_dirfd, OverlayNames::keep);
  known = path_of_name();
  return Outcome::copied;
}

}  // namespace gbox::layer
