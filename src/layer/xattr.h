// Extended attributes of a directory's entries, of any type and without opening them, and the rule
// which of them an image holds. Used by scan.cc and extract.cc.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gbox::layer {

using Xattrs = std::vector<std::pair<std::string, std::string>>;  // sorted by name

// What an image carries: user.* but for gbox's own, file capabilities and POSIX ACLs. The rest
// belongs to a host: labels of its security policy (security.selinux, security.ima), trusted.*,
// which a user namespace may not touch, and views of other ACL kinds. ACLs stay in the kernel's
// binary form (SCHILY.xattr.system.posix_acl_*): umoci writes that form, umoci, podman and docker
// apply it by plain setxattr, and the kernel translates the ids in it for the user namespace of
// whoever reads or writes.
bool belongs_in_image(std::string_view xattr_name) noexcept;

// All attributes of `name` in `dirfd` ("" is the directory itself), never through a symbolic link.
// A file system without attributes has none.
Xattrs read_xattrs(int dirfd, const std::string& name);

}  // namespace gbox::layer
