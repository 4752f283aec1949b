#include "tree_size.h"

#include <set>
#include <utility>

#include "gbox/sys/fd.h"

namespace gbox::store {

namespace {

constexpr std::uint64_t kBlockBytes = 512;  // the unit of st_blocks, whatever the file system's

// One open directory a level; the depth of what a step leaves is bounded by its own path limits.
void add_entries(const sys::Fd& directory, const std::string& subject,
                 std::set<std::pair<dev_t, ino_t>>& linked, TreeSize& size) {
  for (const std::string& name : sys::list_directory(directory.get(), subject)) {
    const struct stat status = sys::fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW);
    ++size.entries;
    if (S_ISDIR(status.st_mode)) {
      size.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
      add_entries(sys::openat(directory.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), name,
                  linked, size);
    } else if (status.st_nlink == 1 || linked.emplace(status.st_dev, status.st_ino).second) {
      size.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
    }
  }
}

}  // namespace

TreeSize tree_size(int dirfd, const std::string& path) {
  TreeSize size;
  std::set<std::pair<dev_t, ino_t>> linked;
  add_entries(sys::openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path, linked, size);
  return size;
}

}  // namespace gbox::store
