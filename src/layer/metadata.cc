#include "metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::layer {

namespace {

[[noreturn]] void throw_chown_error(int error_number, const Metadata& metadata,
                                    const std::string& path) {
  const std::string owner = std::to_string(metadata.uid) + ':' + std::to_string(metadata.gid);
  if (error_number == EINVAL)  // the kernel's word for an id that the user namespace does not map
    throw Error(
        "give " + quoted(path) + " to owner " + owner + ": this user namespace has no such id",
        ExitCode::host)
        .add_hint("a longer range for this user in /etc/subuid and /etc/subgid holds larger ids");
  throw SysError(error_number, "give " + quoted(path) + " to owner " + owner);
}

// New inodes belong to the caller: most entries of an image are root's, and so are we there.
bool is_callers(const Metadata& metadata) {
  static const uid_t uid = ::geteuid();
  static const gid_t gid = ::getegid();
  return metadata.uid == uid && metadata.gid == gid;
}

}  // namespace

void apply_metadata(int fd, const Metadata& metadata, const std::string& path) {
  if (!is_callers(metadata) && ::fchown(fd, metadata.uid, metadata.gid) != 0)
    throw_chown_error(errno, metadata, path);
  for (const auto& [name, value] : metadata.xattrs)
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0)
      throw SysError(errno, "set the attribute " + quoted(name) + " of " + quoted(path));
  if (::fchmod(fd, metadata.mode) != 0) throw SysError(errno, "chmod " + quoted(path));
  const timespec times[2] = {{0, UTIME_OMIT}, metadata.mtime};
  if (::futimens(fd, times) != 0) throw SysError(errno, "set the time of " + quoted(path));
}

void apply_link_metadata(int dirfd, const std::string& name, const Metadata& metadata,
                         const std::string& path) {
  if (!is_callers(metadata) &&
      ::fchownat(dirfd, name.c_str(), metadata.uid, metadata.gid, AT_SYMLINK_NOFOLLOW) != 0)
    throw_chown_error(errno, metadata, path);
  const timespec times[2] = {{0, UTIME_OMIT}, metadata.mtime};
  if (::utimensat(dirfd, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    throw SysError(errno, "set the time of " + quoted(path));
}

}  // namespace gbox::layer
