#include "owner_calls.h"

#include <linux/capability.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/sys/idmap.h"
#include "stat_layout.h"

namespace gbox::sandbox {

namespace {

constexpr std::size_t kMaxXattrList = 65536;  // XATTR_LIST_MAX
constexpr std::size_t kMaxElsewhere = 65536;  // a step must not fill gbox's memory
constexpr std::size_t kMaxXattrName = 256;    // with its NUL

bool is_among(std::uint32_t id, const std::vector<std::uint32_t>& ids) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

bool OwnerCalls::is_own(const struct stat& status) noexcept {
  return status.st_uid == 0;
}

std::optional<sys::Owner> OwnerCalls::owner_of(const sys::Fd& inode,
                                               const struct stat& status) const {
  if (!elsewhere_.empty())
    if (const auto found = elsewhere_.find({status.st_dev, status.st_ino});
        found != elsewhere_.end())
      return found->second;
  return sys::read_owner(CallerView::path_of(inode), status.st_mode);
}

void OwnerCalls::record(const sys::Fd& inode, const struct stat& status, const sys::Owner& owner) {
  try {
    sys::write_owner(CallerView::path_of(inode), status.st_mode, owner);
    elsewhere_.erase({status.st_dev, status.st_ino});
  } catch (const SysError& error) {
    if (error.error_number() != ENOTSUP || elsewhere_.size() >= kMaxElsewhere) throw;
    elsewhere_[{status.st_dev, status.st_ino}] = owner;
  }
}

Answer OwnerCalls::change_owner(const Call& call, const sys::Fd& inode, std::uint32_t uid,
                                std::uint32_t gid) {
  struct stat status {};
  if (!inode || ::fstat(inode.get(), &status) != 0) return Answer::last_error();
  for (const std::uint32_t id : {uid, gid})
    if (id != kUnchanged && id >= sys::kImageIds) return Answer::error(EINVAL);
  if (!is_own(status)) return Answer::error(EPERM);
  const sys::Owner before = owner_of(inode, status).value_or(sys::Owner());
  const Credentials& who = credentials_.of(call.pid);
  if (who.user.file_system != 0 || !view_.is_capable(call, CAP_CHOWN)) {
    const bool own = before.uid == who.user.file_system;
    const bool keeps_owner = uid == kUnchanged || uid == before.uid;
    const bool own_group =
        gid == kUnchanged || gid == who.group.file_system || is_among(gid, who.groups);
    if (!own || !keeps_owner || !own_group) return Answer::error(EPERM);
  }
  sys::Owner after = before;
  if (uid != kUnchanged) after.uid = uid;
  if (gid != kUnchanged) after.gid = gid;
  if (!call.alive()) return Answer::error(ESRCH);
  if (after != before) record(inode, status, after);
  // As the kernel does, whoever asks: a program that changes hands loses its powers.
  if (S_ISREG(status.st_mode)) {
    const std::string path = CallerView::path_of(inode);
    const mode_t dropped = status.st_mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID;
    if ((status.st_mode & dropped) != 0 &&
        ::chmod(path.c_str(), status.st_mode & 07777u & ~dropped))
      return Answer::last_error();
    if (::removexattr(path.c_str(), "security.capability") != 0 && errno != ENODATA &&
        errno != ENOTSUP)
      return Answer::last_error();
  }
  return Answer::result(0);
}

Answer OwnerCalls::chown(const Call& call, int dirfd, std::uint64_t path, std::uint32_t uid,
                         std::uint32_t gid, Follow follow, bool may_be_empty) {
  const auto name = call.read_string(path);
  if (!name) return Answer::error(EFAULT);
  if (name->empty() && !may_be_empty) return Answer::error(ENOENT);
  return change_owner(call, view_.open(call, dirfd, *name, follow), uid, gid);
}

Answer OwnerCalls::fchown(const Call& call, int fd, std::uint32_t uid, std::uint32_t gid) {
  return change_owner(call, view_.open(call, fd), uid, gid);
}

Answer OwnerCalls::answer_stat(const Call& call, const sys::Fd& inode, std::uint64_t buffer) const {
  struct stat status {};
  // Whatever cannot be looked at, the kernel has the right words for.
  if (!inode || ::fstat(inode.get(), &status) != 0) return Answer::proceed();
  const auto owner = owner_of(inode, status);
  if (!owner) return Answer::proceed();
  const std::vector<std::byte> layout = stat_layout(call, sys::with_owner(status, *owner));
  if (layout.empty()) return Answer::proceed();
  return call.write(buffer, layout) ? Answer::result(0) : Answer::error(EFAULT);
}

Answer OwnerCalls::stat(const Call& call, int dirfd, std::uint64_t path, std::uint64_t buffer,
                        Follow follow, bool may_be_empty) {
  const auto name = path == 0 && may_be_empty ? std::string() : call.read_string(path);
  if (!name || (name->empty() && !may_be_empty)) return Answer::proceed();
  return answer_stat(call, view_.open(call, dirfd, *name, follow), buffer);
}

Answer OwnerCalls::fstat(const Call& call, int fd, std::uint64_t buffer) {
  return answer_stat(call, view_.open(call, fd), buffer);
}

Answer OwnerCalls::statx(const Call& call) {
  const auto flags = static_cast<int>(call.arguments[2]);
  const bool may_be_empty = (flags & AT_EMPTY_PATH) != 0;
  const auto name =
      call.arguments[1] == 0 && may_be_empty ? std::string() : call.read_string(call.arguments[1]);
  if (!name || (name->empty() && !may_be_empty)) return Answer::proceed();
  const sys::Fd inode = view_.open(call, static_cast<int>(call.arguments[0]), *name,
                                   (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::no : Follow::yes);
  struct stat status {};
  if (!inode || ::fstat(inode.get(), &status) != 0) return Answer::proceed();
  const auto owner = owner_of(inode, status);
  struct statx result {};
  const int how = (flags & AT_STATX_SYNC_TYPE) | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
  if (!owner || ::statx(inode.get(), "", how, static_cast<unsigned>(call.arguments[3]), &result))
    return Answer::proceed();
  const struct stat shown = sys::with_owner(status, *owner);
  result.stx_uid = shown.st_uid;
  result.stx_gid = shown.st_gid;
  if (owner->device_type != 0 && S_ISREG(status.st_mode)) {
    result.stx_mode = static_cast<std::uint16_t>(shown.st_mode);
    result.stx_rdev_major = major(shown.st_rdev);
    result.stx_rdev_minor = minor(shown.st_rdev);
    result.stx_size = 0;
    result.stx_blocks = 0;
  }
  return call.write(call.arguments[4], std::as_bytes(std::span(&result, 1)))
             ? Answer::result(0)
             : Answer::error(EFAULT);
}

// Without what is gbox's: a program that copies all attributes of a file would copy its owner, too.
Answer OwnerCalls::list_xattrs(const Call& call, const sys::Fd& inode) {
  struct stat status {};
  if (!inode || ::fstat(inode.get(), &status) != 0) return Answer::proceed();
  std::vector<char> names(kMaxXattrList);
  const ssize_t size = ::listxattr(CallerView::path_of(inode).c_str(), names.data(), names.size());
  if (size < 0) return Answer::proceed();
  const std::string_view all(names.data(), static_cast<std::size_t>(size));
  std::string shown;
  for (std::size_t start = 0; start < all.size();) {
    const std::size_t end = std::min(all.find('\0', start), all.size() - 1) + 1;
    const std::string_view name = all.substr(start, end - start - 1);
    if (!name.starts_with(sys::kOwnXattrPrefix) &&
        (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ||
         name != sys::owner_xattr(status.st_mode)))
      shown += all.substr(start, end - start);
    start = end;
  }
  if (shown.size() == all.size()) return Answer::proceed();
  const std::uint64_t room = call.arguments[2];
  if (room == 0) return Answer::result(static_cast<std::int64_t>(shown.size()));
  if (room < shown.size()) return Answer::error(ERANGE);
  if (!shown.empty() && !call.write(call.arguments[1], std::as_bytes(std::span(shown))))
    return Answer::error(EFAULT);
  return Answer::result(static_cast<std::int64_t>(shown.size()));
}

Answer OwnerCalls::list_xattrs(const Call& call, Follow follow) {
  const auto name = call.read_string(call.arguments[0]);
  if (!name || name->empty()) return Answer::proceed();
  return list_xattrs(call, view_.open(call, AT_FDCWD, *name, follow));
}

// A record says no more than a chown could have said; this is for programs that would copy one.
Answer OwnerCalls::change_xattr(const Call& call) const {
  const auto name = call.read_string(call.arguments[1], kMaxXattrName);
  if (name && name->starts_with(sys::kOwnXattrPrefix)) return Answer::error(EPERM);
  return Answer::proceed();
}

}  // namespace gbox::sandbox
