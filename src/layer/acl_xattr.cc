#include "acl_xattr.h"

#include <archive_entry.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <cstdint>
#include <map>

#include "gbox/base/error.h"

namespace gbox::layer {

namespace {

void append_le(std::string& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 0xff);
}

std::uint16_t tag_of(int libarchive_tag) {
  switch (libarchive_tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ:
      return ACL_USER_OBJ;
    case ARCHIVE_ENTRY_ACL_USER:
      return ACL_USER;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
      return ACL_GROUP_OBJ;
    case ARCHIVE_ENTRY_ACL_GROUP:
      return ACL_GROUP;
    case ARCHIVE_ENTRY_ACL_MASK:
      return ACL_MASK;
    case ARCHIVE_ENTRY_ACL_OTHER:
      return ACL_OTHER;
    default:
      throw Error("its access control list has an entry of unknown kind", ExitCode::input);
  }
}

std::string acl_value(archive_entry* entry, int type) {
  // The kernel wants them by kind: owner, users, group, groups, mask, others (acl(5)).
  std::multimap<std::uint16_t, std::string> entries;
  int entry_type = 0;
  int permset = 0;
  int tag = 0;
  int qualifier = -1;
  const char* name = nullptr;
  archive_entry_acl_reset(entry, type);
  while (archive_entry_acl_next(entry, type, &entry_type, &permset, &tag, &qualifier, &name) == 0) {
    const std::uint16_t kind = tag_of(tag);
    const bool named = kind == ACL_USER || kind == ACL_GROUP;
    // Names mean nothing outside the system they were written on; numbers are what counts.
    if (named && qualifier < 0)
      throw Error("its access control list names an account without a number", ExitCode::input);
    std::string each;
    append_le(each, kind, 2);
    append_le(each, static_cast<std::uint64_t>(permset & 7), 2);
    append_le(each, named ? static_cast<std::uint32_t>(qualifier) : 0xffffffffu, 4);
    entries.emplace(kind, std::move(each));
  }
  std::string value;
  append_le(value, POSIX_ACL_XATTR_VERSION, 4);
  for (const auto& [kind, each] : entries) value += each;
  return value;
}

}  // namespace

void append_acl_xattrs(archive_entry* entry, Xattrs& xattrs) {
  const int types = archive_entry_acl_types(entry);
  if ((types & ARCHIVE_ENTRY_ACL_TYPE_ACCESS) != 0)
    xattrs.emplace_back("system.posix_acl_access", acl_value(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS));
  if ((types & ARCHIVE_ENTRY_ACL_TYPE_DEFAULT) != 0)
    xattrs.emplace_back("system.posix_acl_default",
                        acl_value(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT));
}

}  // namespace gbox::layer
