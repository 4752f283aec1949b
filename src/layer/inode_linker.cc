#include "inode_linker.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/beneath.h"
#include "metadata.h"
#include "sparse_writer.h"

namespace gbox::layer {

namespace {

Metadata metadata_of(int dirfd, const std::string& name, const struct stat& status) {
  Metadata metadata{status.st_uid, status.st_gid, status.st_mode & 07777u, status.st_mtim, {}};
  for (auto& [key, value] : read_xattrs(dirfd, name))
    if (belongs_in_image(key) && classify_overlay_xattr(key) != OverlayXattr::internal)
      metadata.xattrs.emplace_back(std::move(key), std::move(value));
  return metadata;
}

void copy_file(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd) {
  // Of a regular file by its status, so that opening it neither blocks nor acts.
  const sys::Fd from = sys::openat(from_dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const sys::Fd to = sys::openat(to_dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  SparseWriter writer(to.get(), name);
  std::array<std::byte, 65536> buffer;
  std::uint64_t offset = 0;
  while (const std::size_t size = sys::read_full(from.get(), buffer, name)) {
    writer.write(offset, std::span(buffer).first(size));
    offset += size;
  }
  writer.finish(offset);
  apply_metadata(to.get(), metadata_of(from_dirfd, name, status), name);
}

void copy_special(int from_dirfd, const std::string& name, const struct stat& status,
                  int to_dirfd) {
  if (S_ISLNK(status.st_mode))
    sys::symlinkat(sys::readlinkat(from_dirfd, name), to_dirfd, name);
  else if (::mknodat(to_dirfd, name.c_str(), status.st_mode, status.st_rdev) != 0)
    throw SysError(errno, "make special file " + quoted(name));
  if (is_overlay_whiteout(status)) return;  // nothing but its type means anything
  apply_link_metadata(to_dirfd, name, metadata_of(from_dirfd, name, status), name);
  // mknod went by the umask; a symbolic link has no mode of its own.
  if (!S_ISLNK(status.st_mode) &&
      ::fchmodat(to_dirfd, name.c_str(), status.st_mode & 07777u, 0) != 0)
    throw SysError(errno, "chmod " + quoted(name));
}

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
    copy_special(from_dirfd, name, status, to_dirfd);
    return Outcome::copied;
  }
  std::string& known = copies_[{status.st_dev, status.st_ino}];
  if (!known.empty() && link_to_copy(known, to_dirfd, name)) return Outcome::linked;
  copy_file(from_dirfd, name, status, to_dirfd);
  known = path_of_name();
  return Outcome::copied;
}

}  // namespace gbox::layer
