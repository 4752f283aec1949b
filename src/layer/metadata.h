// What a tar entry says about an inode besides its content, and putting it in force in the one
// order that works. Used by extract.cc and unpack.cc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <string>

#include "gbox/sys/owner.h"
#include "xattr.h"

namespace gbox::layer {

struct Metadata {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0755;  // permission, setuid, setgid and sticky bits
  timespec mtime{};
  Xattrs xattrs;  // only what belongs in an image, overlay names already escaped
};

// For an open file, directory or FIFO. `path` names it in errors.
// Owner first, because chown strips setuid bits and capabilities; mode after the attributes,
// because setting an ACL rewrites the group bits; times last.
void apply_metadata(int fd, const Metadata& metadata, const std::string& path, sys::Owners owners);

// For `name` in `dirfd`, a symbolic link: it has an owner and a time of its own.
void apply_link_metadata(int dirfd, const std::string& name, const Metadata& metadata,
                         const std::string& path, sys::Owners owners);

// An ACL that names ids which a user namespace with one id does not have is kept below this prefix,
// with "access" or "default" behind it.
inline constexpr std::string_view kKeptAclPrefix = "user.gbox.acl_";
inline constexpr std::string_view kAclPrefix = "system.posix_acl_";

}  // namespace gbox::layer
