#include "gbox/sys/owner.h"

#include <linux/capability.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/userns.h"

namespace gbox::sys {

namespace {

constexpr std::size_t kMaxRecordBytes = 128;
// Says that the bits are ours, in the place of the inheritable capabilities: "gbox", "ownr".
constexpr std::array<std::uint32_t, 2> kMarks = {0x786f6267, 0x726e776f};

bool holds_user_xattrs(mode_t type) noexcept {
  return S_ISREG(type) || S_ISDIR(type);
}

std::optional<Owner> decode_text(std::string_view value) {
  const std::vector<std::string> fields = split(value, ':');
  if (fields.size() != 2 && fields.size() != 5) return std::nullopt;
  const auto uid = whole_number<std::uint32_t>(fields[0]);
  const auto gid = whole_number<std::uint32_t>(fields[1]);
  // The last number is chown's 'leave it as it is', never an owner.
  if (!uid || !gid || *uid == UINT32_MAX || *gid == UINT32_MAX) return std::nullopt;
  Owner owner{*uid, *gid};
  if (fields.size() == 2) return owner;
  const auto major_number = whole_number<std::uint32_t>(fields[3]);
  const auto minor_number = whole_number<std::uint32_t>(fields[4]);
  if ((fields[2] != "c" && fields[2] != "b") || !major_number || !minor_number) return std::nullopt;
  owner.device_type = fields[2] == "c" ? S_IFCHR : S_IFBLK;
  owner.device = makedev(*major_number, *minor_number);
  // The number of a whiteout, which is not for anybody else (overlayfs refuses to make it, too).
  if (S_ISCHR(owner.device_type) && owner.device == 0) return std::nullopt;
  return owner;
}

using Words = std::array<std::uint32_t, XATTR_CAPS_SZ_2 / sizeof(std::uint32_t)>;

std::uint32_t little_endian(std::uint32_t value) {
  return std::endian::native == std::endian::little ? value : __builtin_bswap32(value);
}

std::optional<Owner> decode_capability(std::string_view value) {
  Words words{};
  // A longer value names the user namespace it was written in (struct vfs_ns_cap_data).
  if (value.size() != sizeof words && value.size() != XATTR_CAPS_SZ_3) return std::nullopt;
  std::memcpy(words.data(), value.data(), sizeof words);
  for (std::uint32_t& word : words) word = little_endian(word);
  if (words[2] != kMarks[0] || words[4] != kMarks[1]) return std::nullopt;
  if (words[1] == UINT32_MAX || words[3] == UINT32_MAX) return std::nullopt;
  return Owner{words[1], words[3]};
}

}  // namespace

Owners owners() {
  static const Owners found = maps_single_id(current_uid_map()) ? Owners::recorded : Owners::real;
  return found;
}

const char* owner_xattr(mode_t type) noexcept {
  return holds_user_xattrs(type) ? "user.gbox.owner" : "security.capability";
}

std::string encode_owner(mode_t type, const Owner& owner) {
  if (holds_user_xattrs(type)) {
    std::string text = std::to_string(owner.uid) + ':' + std::to_string(owner.gid);
    if (owner.device_type != 0)
      text += (S_ISCHR(owner.device_type) ? ":c:" : ":b:") + std::to_string(major(owner.device)) +
              ':' + std::to_string(minor(owner.device));
    return text;
  }
  Words words = {VFS_CAP_REVISION_2, owner.uid, kMarks[0], owner.gid, kMarks[1]};
  for (std::uint32_t& word : words) word = little_endian(word);
  std::string bytes(sizeof words, '\0');
  std::memcpy(bytes.data(), words.data(), sizeof words);
  return bytes;
}

std::optional<Owner> decode_owner(mode_t type, std::string_view value) {
  return holds_user_xattrs(type) ? decode_text(value) : decode_capability(value);
}

std::optional<Owner> read_owner(const std::string& path, mode_t type) {
  std::array<char, kMaxRecordBytes> value;
  const ssize_t size = ::getxattr(path.c_str(), owner_xattr(type), value.data(), value.size());
  if (size >= 0)
    return decode_owner(type, std::string_view(value.data(), static_cast<std::size_t>(size)));
  // Too long for a record, or one of a namespace that is not ours: not written by gbox.
  if (errno == ENODATA || errno == ENOTSUP || errno == ERANGE || errno == EOVERFLOW)
    return std::nullopt;
  throw SysError(errno, "read the recorded owner of " + quoted(path));
}

void write_owner(const std::string& path, mode_t type, const Owner& owner) {
  const char* name = owner_xattr(type);
  if (owner == Owner()) {
    if (::removexattr(path.c_str(), name) != 0 && errno != ENODATA && errno != ENOTSUP)
      throw SysError(errno, "take away the recorded owner of " + quoted(path));
    return;
  }
  const std::string value = encode_owner(type, owner);
  if (::setxattr(path.c_str(), name, value.data(), value.size(), 0) != 0)
    throw SysError(errno, "record the owner of " + quoted(path));
}

struct stat with_owner(struct stat status, const Owner& owner) noexcept {
  status.st_uid = owner.uid;
  status.st_gid = owner.gid;
  if (owner.device_type != 0 && S_ISREG(status.st_mode)) {
    status.st_mode = owner.device_type | (status.st_mode & 07777u);
    status.st_rdev = owner.device;
    status.st_size = 0;
    status.st_blocks = 0;
  }
  return status;
}

void give(Owners owners, int fd, std::uint32_t uid, std::uint32_t gid, std::string_view subject) {
  const std::string whom = " to owner " + std::to_string(uid) + ':' + std::to_string(gid);
  if (owners == Owners::real) {
    if (::fchown(fd, uid, gid) != 0) throw SysError(errno, "give " + quoted(subject) + whom);
    return;
  }
  const struct stat status = fstat(fd);
  try {
    write_owner("/proc/self/fd/" + std::to_string(fd), status.st_mode, {uid, gid});
  } catch (const SysError& error) {
    throw SysError(error.error_number(), "record " + quoted(subject) + " as given" + whom);
  }
}

void give_at(Owners owners, int dirfd, const std::string& name, std::uint32_t uid,
             std::uint32_t gid, std::string_view subject) {
  if (owners == Owners::real) {
    if (::fchownat(dirfd, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
      throw SysError(errno, "give " + quoted(subject) + " to owner " + std::to_string(uid) + ':' +
                                std::to_string(gid));
    return;
  }
  give(owners, openat(dirfd, name, O_PATH | O_NOFOLLOW).get(), uid, gid, subject);
}

struct stat owned_status(Owners owners, int fd) {
  const struct stat status = fstat(fd);
  if (owners == Owners::real) return status;
  const auto owner = read_owner("/proc/self/fd/" + std::to_string(fd), status.st_mode);
  return owner ? with_owner(status, *owner) : status;
}

}  // namespace gbox::sys
