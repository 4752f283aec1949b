// POSIX ACLs that GNU tar and star wrote as text (SCHILY.acl.access, .default) in the kernel's
// binary form, in which all other code here carries them. Used by unpack.cc.
// Source: linux/posix_acl_xattr.h; star(5).
#pragma once

#include "xattr.h"

struct archive_entry;

namespace gbox::layer {

// Adds system.posix_acl_access and _default to `xattrs` when the entry has such ACLs.
void append_acl_xattrs(archive_entry* entry, Xattrs& xattrs);

}  // namespace gbox::layer
