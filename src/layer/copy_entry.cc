#include "copy_entry.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/fd.h"

namespace gbox::layer {

namespace {

// nullopt: not to be copied.
std::optional<std::string> renamed(const std::string& name, OverlayNames names) {
  if (names == OverlayNames::escape) return escape_overlay_xattr(name);
  if (classify_overlay_xattr(name) == OverlayXattr::internal) return std::nullopt;
  return names == OverlayNames::unescape ? unescape_overlay_xattr(name) : name;
}

Xattrs attributes(int dirfd, const std::string& name, OverlayNames names) {
  Xattrs result;
  for (auto& [key, value] : read_xattrs(dirfd, name))
    if (auto wanted = renamed(key, names))
      result.emplace_back(std::move(*wanted), std::move(value));
  return result;
}

// One stretch of data, by the kernel where it can, else through memory.
void copy_range(int from, int to, off_t start, off_t end, const std::string& name) {
  off_t in = start;
  off_t out = start;
  bool by_kernel = true;
  std::array<std::byte, 65536> buffer;
  while (in < end) {
    if (by_kernel) {
      const ssize_t size =
          ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(end - in), 0);
      if (size > 0) continue;
      if (size == 0) return;  // the file ends before its size says so: its rest is a hole
      if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP &&
          errno != EPERM)
        throw SysError(errno, "copy " + quoted(name));
      by_kernel = false;
    }
    const auto wanted = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - in));
    const ssize_t size = ::pread(from, buffer.data(), wanted, in);
    if (size < 0) throw SysError(errno, "read " + quoted(name));
    if (size == 0) return;
    for (ssize_t done = 0; done < size;) {
      const ssize_t written =
          ::pwrite(to, buffer.data() + done, static_cast<std::size_t>(size - done), out + done);
      if (written < 0) throw SysError(errno, "write " + quoted(name));
      done += written;
    }
    in += size;
    out += size;
  }
}

void copy_data(int from, int to, off_t size, const std::string& name) {
  if (size == 0 || ::ioctl(to, FICLONE, from) == 0) return;
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    off_t end = data < 0 ? -1 : ::lseek(from, data, SEEK_HOLE);
    if (end < 0) end = size;  // a file system that knows no holes
    copy_range(from, to, std::max(at, data), end, name);
    at = end;
  }
  if (::ftruncate(to, size) != 0) throw SysError(errno, "write " + quoted(name));
}

}  // namespace

Metadata metadata_of(int dirfd, const std::string& name, const struct stat& status,
                     OverlayNames names) {
  Metadata metadata{status.st_uid, status.st_gid, status.st_mode & 07777u, status.st_mtim, {}};
  for (auto& [key, value] : attributes(dirfd, name, names))
    if (belongs_in_image(key) || key.starts_with(sys::kOwnXattrPrefix))
      metadata.xattrs.emplace_back(std::move(key), std::move(value));
  return metadata;
}

void copy_regular(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
                  OverlayNames names) {
  // Of a regular file by its status, so that opening it neither blocks nor acts.
  const sys::Fd from = sys::openat(from_dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const sys::Fd to = sys::openat(to_dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  copy_data(from.get(), to.get(), status.st_size, name);
  // An owner that is recorded goes with the attributes.
  apply_metadata(to.get(), metadata_of(from_dirfd, name, status, names), name, sys::Owners::real);
}

void copy_special(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
                  OverlayNames names) {
  if (is_overlay_whiteout(status)) return make_whiteout(to_dirfd, name);  // only its type counts
  if (S_ISLNK(status.st_mode))
    sys::symlinkat(sys::readlinkat(from_dirfd, name), to_dirfd, name);
  else if (::mknodat(to_dirfd, name.c_str(), status.st_mode, status.st_rdev) != 0)
    throw SysError(errno, "make special file " + quoted(name));
  const Metadata metadata = metadata_of(from_dirfd, name, status, names);
  apply_link_metadata(to_dirfd, name, metadata, name, sys::Owners::real);
  const std::string path = "/proc/self/fd/" + std::to_string(to_dirfd) + '/' + name;
  for (const auto& [key, value] : metadata.xattrs)
    if (::lsetxattr(path.c_str(), key.c_str(), value.data(), value.size(), 0) != 0)
      throw SysError(errno, "set the attribute " + quoted(key) + " of " + quoted(name));
  if (S_ISLNK(status.st_mode)) return;  // has no mode of its own
  // mknod went by the umask, and an ACL has a part of the mode. It may have changed the time, too.
  if (::fchmodat(to_dirfd, name.c_str(), status.st_mode & 07777u, 0) != 0)
    throw SysError(errno, "chmod " + quoted(name));
}

Metadata directory_metadata(int fd, OverlayNames names) {
  const struct stat status = sys::fstat(fd);
  return {status.st_uid, status.st_gid, status.st_mode & 07777u, status.st_mtim,
          attributes(fd, "", names)};
}

void apply_directory_metadata(int fd, const Metadata& metadata) {
  // The order of apply_metadata(), but for all attributes and, as a mount option may give new
  // directories another group than ours, always with the owner.
  if (::fchown(fd, metadata.uid, metadata.gid) != 0) throw SysError(errno, "set its owner");
  for (const auto& [name, value] : metadata.xattrs) {
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
    // A label of the host's security policy: the directory has one as new as the layer's was.
    if (!belongs_in_image(name) && (errno == EPERM || errno == ENOTSUP)) continue;
    throw SysError(errno, "set its attribute " + quoted(name));
  }
  if (::fchmod(fd, metadata.mode) != 0) throw SysError(errno, "set its mode");
  const timespec times[2] = {{0, UTIME_OMIT}, metadata.mtime};
  if (::futimens(fd, times) != 0) throw SysError(errno, "set its time");
}

void neutralize_directory(int fd) {
  if (::fchmod(fd, 0700) != 0) throw SysError(errno, "set its mode");
  for (const auto& [name, value] : read_xattrs(fd, ""))
    if (belongs_in_image(name) && ::fremovexattr(fd, name.c_str()) != 0 && errno != ENODATA)
      throw SysError(errno, "take away its attribute " + quoted(name));
}

}  // namespace gbox::layer
