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

// EINVAL is the kernel's word for an id that the namespace does not map.
bool keep_acl(int error_number, int fd, std::string_view name, const std::string& value) {
  if (error_number != EINVAL || !name.starts_with(kAclPrefix)) return false;
  const std::string kept =
      std::string(kKeptAclPrefix) + std::string(name.substr(kAclPrefix.size()));
  const bool worked = ::fsetxattr(fd, kept.c_str(), value.data(), value.size(), 0) == 0;
  if (!worked) errno = error_number;
  return worked;
}

}  // namespace

void apply_metadata(int fd, const Metadata& metadata, const std::string& path, sys::Owners owners) {
  if (owners == sys::Owners::recorded) {
    if (metadata.uid != 0 || metadata.gid != 0)
      sys::give(owners, fd, metadata.uid, metadata.gid, path);
  } else if (!is_callers(metadata) && ::fchown(fd, metadata.uid, metadata.gid) != 0) {
    throw_chown_error(errno, metadata, path);
  }
  for (const auto& [name, value] : metadata.xattrs)
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0 &&
        !(owners == sys::Owners::recorded && keep_acl(errno, fd, name, value)))
      throw SysError(errno, "set the attribute " + quoted(name) + " of " + quoted(path));
  if (::fchmod(fd, metadata.mode) != 0) throw SysError(errno, "chmod " + quoted(path));
  const timespec times[2] = {{0, UTIME_OMIT}, metadata.mtime};
  if (::futimens(fd, times) != 0) throw SysError(errno, "set the time of " + quoted(path));
}

void apply_link_metadata(int dirfd, const std::string& name, const Metadata& metadata,
                         const std::string& path, sys::Owners owners) {
  if (owners == sys::Owners::recorded) {
    if (metadata.uid != 0 || metadata.gid != 0)
      sys::give_at(owners, dirfd, name, metadata.uid, metadata.gid, path);
  } else if (!is_callers(metadata) && ::fchownat(dirfd, name.c_str(), metadata.uid, metadata.gid,
                                                 AT_SYMLINK_NOFOLLOW) != 0) {
    throw_chown_error(errno, metadata, path);
  }
  const timespec times[2] = {{0, UTIME_OMIT}, metadata.mtime};
  if (::utimensat(dirfd, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    throw SysError(errno, "set the time of " + quoted(path));
}

}  // namespace gbox::layer
