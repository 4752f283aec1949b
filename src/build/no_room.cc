#include "no_room.h"

#include "gbox/base/text.h"

namespace gbox::build {

namespace {

// Less than this is full: what failed may have been removed since.
constexpr std::uint64_t kFullBytes = 256u << 20;
constexpr std::uint64_t kFullInodes = 1000;

}  // namespace

std::optional<Warning> no_room_for(Lack lack, const struct statvfs& status,
                                   const std::string& store, const spec::BuildOptions& options) {
  if (lack == Lack::nothing) return std::nullopt;
  if (lack == Lack::quota)
    return Warning{"the disk quota where the store lies (" + quoted(store) + ") is used up",
                   kMakeRoom};
  const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
  // File systems without a fixed number of inodes say 0 of 0.
  if (status.f_files != 0 && status.f_favail < kFullInodes)
    return Warning{"the file system of the store (" + quoted(store) + ") has " +
                       std::to_string(status.f_favail) + " free inodes left, of " +
                       human_size(free) + " free space",
                   kMakeRoom};
  if (free < kFullBytes)
    return Warning{"the file system of the store (" + quoted(store) + ") is full, " +
                       human_size(free) + " are left",
                   kMakeRoom};
  if (options.tmpfs_bytes)
    return Warning{"no space was left; the store's file system has " + human_size(free) +
                       ", so it was the build directory, a tmpfs of " +
                       human_size(*options.tmpfs_bytes),
                   "raise 'tmpfs' in [build], or leave it out to build on the store's disk"};
  return Warning{"no space was left for what it wrote; the store's file system has " +
                     human_size(free) + " now",
                 "'/run' and '/dev/shm' of a step are in memory and small"};
}

std::optional<Warning> no_room(const std::string& log_path, const std::string& store,
                               const spec::BuildOptions& options) {
  const Lack lack = lack_of_room(log_path);
  struct statvfs status {};
  if (lack == Lack::nothing || ::statvfs(store.c_str(), &status) != 0) return std::nullopt;
  return no_room_for(lack, status, store, options);
}

}  // namespace gbox::build
