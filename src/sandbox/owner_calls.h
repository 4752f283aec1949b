// chown, stat and the calls on extended attributes, where owners and devices are recorded on inodes
// (gbox/sys/owner.h) because the kernel has one id only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "caller_view.h"
#include "credentials.h"
#include "gbox/sandbox/notified.h"
#include "gbox/sys/owner.h"

namespace gbox::sandbox {

class OwnerCalls {
 public:
  // Both are borrowed.
  OwnerCalls(CallerView& view, const CredentialTable& credentials)
      : view_(view), credentials_(credentials) {}

  Answer chown(const Call& call, int dirfd, std::uint64_t path, std::uint32_t uid,
               std::uint32_t gid, Follow follow, bool may_be_empty);
  Answer fchown(const Call& call, int fd, std::uint32_t uid, std::uint32_t gid);

  Answer stat(const Call& call, int dirfd, std::uint64_t path, std::uint64_t buffer, Follow follow,
              bool may_be_empty);
  Answer fstat(const Call& call, int fd, std::uint64_t buffer);
  Answer statx(const Call& call);

  Answer list_xattrs(const Call& call, const sys::Fd& inode);
  Answer list_xattrs(const Call& call, Follow follow);
  Answer change_xattr(const Call& call) const;

  // What is not the namespace's own, such as a device of the host, is none of the step's business:
  // gbox might have power over it where the step has none.
  static bool is_own(const struct stat& status) noexcept;
  // By record; these throw SysError.
  [[nodiscard]] std::optional<sys::Owner> owner_of(const sys::Fd& inode,
                                                   const struct stat& status) const;
  void record(const sys::Fd& inode, const struct stat& status, const sys::Owner& owner);

 private:
  // What has an owner but can hold no record, such as terminals: kept here, and gone with the
  // sandbox, as they are.
  using Inode = std::pair<dev_t, ino_t>;

  Answer change_owner(const Call& call, const sys::Fd& inode, std::uint32_t uid, std::uint32_t gid);
  Answer answer_stat(const Call& call, const sys::Fd& inode, std::uint64_t buffer) const;

  CallerView& view_;
  const CredentialTable& credentials_;
  std::map<Inode, sys::Owner> elsewhere_;
};

}  // namespace gbox::sandbox
