#include "stat_layout.h"

#include <linux/audit.h>
#include <seccomp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace gbox::sandbox {

namespace {

// i386's, from Linux' arch/x86/include/asm/compat.h and include/uapi/asm/stat.h: in x86-64's
// alignment they would have holes.
struct [[gnu::packed]] I386Time {
  std::uint32_t seconds;
  std::uint32_t nanoseconds;
};
struct [[gnu::packed]] I386Stat {
  std::uint32_t dev, ino;
  std::uint16_t mode, nlink, uid, gid;
  std::uint32_t rdev, size, block_size, blocks;
  I386Time atime, mtime, ctime;
  std::uint32_t unused[2];
};
struct [[gnu::packed]] I386Stat64 {
  std::uint64_t dev;
  std::uint32_t padding;
  std::uint32_t short_ino;
  std::uint32_t mode, nlink, uid, gid;
  std::uint64_t rdev;
  std::uint32_t padding_after;
  std::uint64_t size;
  std::uint32_t block_size;
  std::uint64_t blocks;
  I386Time atime, mtime, ctime;
  std::uint64_t ino;
};
static_assert(sizeof(I386Stat) == 64 && sizeof(I386Stat64) == 96);

template <class Layout>
std::vector<std::byte> bytes_of(const Layout& layout) {
  std::vector<std::byte> bytes(sizeof layout);
  std::memcpy(bytes.data(), &layout, sizeof layout);
  return bytes;
}

I386Time time_of(const timespec& time) {
  return {static_cast<std::uint32_t>(time.tv_sec), static_cast<std::uint32_t>(time.tv_nsec)};
}

template <class Layout>
void fill_common(Layout& layout, const struct stat& status) {
  layout.dev = static_cast<decltype(layout.dev)>(status.st_dev);
  layout.mode = static_cast<decltype(layout.mode)>(status.st_mode);
  layout.nlink = static_cast<decltype(layout.nlink)>(status.st_nlink);
  layout.rdev = static_cast<decltype(layout.rdev)>(status.st_rdev);
  layout.size = static_cast<decltype(layout.size)>(status.st_size);
  layout.block_size = static_cast<std::uint32_t>(status.st_blksize);
  layout.blocks = static_cast<decltype(layout.blocks)>(status.st_blocks);
  layout.atime = time_of(status.st_atim);
  layout.mtime = time_of(status.st_mtim);
  layout.ctime = time_of(status.st_ctim);
}

std::uint16_t short_id(std::uint32_t id) {
  constexpr std::uint16_t kOverflow = 65534;  // /proc/sys/kernel/overflowuid
  return id > UINT16_MAX ? kOverflow : static_cast<std::uint16_t>(id);
}

}  // namespace

std::vector<std::byte> stat_layout(const Call& call, const struct stat& status) {
  // libseccomp's names for architectures are the kernel's audit values. The C library's structure
  // is the kernel's wherever a long has 64 bits.
  if (call.architecture == seccomp_arch_native() && sizeof(long) == 8) return bytes_of(status);
  if (call.architecture != AUDIT_ARCH_I386) return {};
  if (call.name.ends_with("64")) {
    I386Stat64 layout{};
    fill_common(layout, status);
    layout.uid = status.st_uid;
    layout.gid = status.st_gid;
    layout.ino = status.st_ino;
    layout.short_ino = static_cast<std::uint32_t>(status.st_ino);
    return bytes_of(layout);
  }
  I386Stat layout{};
  fill_common(layout, status);
  layout.uid = short_id(status.st_uid);
  layout.gid = short_id(status.st_gid);
  layout.ino = static_cast<std::uint32_t>(status.st_ino);
  return bytes_of(layout);
}

}  // namespace gbox::sandbox
