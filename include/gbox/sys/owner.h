// Who owns an inode, where the user namespace has ids for that and where it has one id only. There
// every file is the caller's, and its owner is *recorded* on the inode itself, so that the record
// goes wherever the inode goes: renames, hard links, copies by overlayfs, merged layers.
//
//   regular files and directories   user.gbox.owner = "UID:GID", or "UID:GID:c:MAJOR:MINOR" (or b)
//                                   for an empty file that stands for a device node
//   all other kinds                 security.capability, whose 128 bits the kernel keeps on any
//                                   inode for whoever has CAP_SETFCAP over it, and reads on regular
//                                   files only: user.* is refused on these kinds (xattr(7)), and a
//                                   list beside the tree would lose sight of a link that is renamed
//
// No record means 0:0. A record is as trustworthy as whoever can write to the inode: it says what
// an image will say, and decides about no access. Used by layer, store, build and the sandbox'
// supervisor.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gbox::sys {

enum class Owners {
  real,      // the file system's own
  recorded,  // this namespace maps one id
};

// What holds in the user namespace of this process.
Owners owners();

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  mode_t device_type = 0;  // S_IFCHR or S_IFBLK; 0: no device node
  dev_t device = 0;
  bool operator==(const Owner&) const = default;
};

// The attributes below this prefix are gbox's: no image holds them.
inline constexpr std::string_view kOwnXattrPrefix = "user.gbox.";

// The attribute that holds the record of an inode of this type (of st_mode).
const char* owner_xattr(mode_t type) noexcept;
std::string encode_owner(mode_t type, const Owner& owner);
// nullopt for what no gbox wrote.
std::optional<Owner> decode_owner(mode_t type, std::string_view value);

// `path` leads to the inode itself, such as "/proc/self/fd/N" of an O_PATH descriptor of it; a
// symbolic link at its end is followed. Throws SysError.
std::optional<Owner> read_owner(const std::string& path, mode_t type);
// Writes the record, or takes it away when it says no more than none does.
void write_owner(const std::string& path, mode_t type, const Owner& owner);

// The status as it would be if the record were the truth.
struct stat with_owner(struct stat status, const Owner& owner) noexcept;

// As fchown(2) and fchownat(2) without following links, in either way. `subject` is named in
// errors. Unlike the kernel's, the recorded way leaves setuid bits alone. Throws SysError.
void give(Owners owners, int fd, std::uint32_t uid, std::uint32_t gid, std::string_view subject);
void give_at(Owners owners, int dirfd, const std::string& name, std::uint32_t uid,
             std::uint32_t gid, std::string_view subject);

// The real owner or the recorded one. `fd` may be O_PATH.
struct stat owned_status(Owners owners, int fd);

}  // namespace gbox::sys
