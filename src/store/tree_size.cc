#include "tree_size.h"

#include <map>
#include <utility>

#include "gbox/sys/fd.h"

namespace gbox::store {

namespace {

constexpr std::uint64_t kBlockBytes = 512;  // the unit of st_blocks, whatever the file system's

struct Linked {
  Linked(nlink_t names, std::uint64_t size) : names_outside(names), bytes(size) {}
  nlink_t names_outside;  // or not seen yet
  std::uint64_t bytes;
};
using LinkedFiles = std::map<std::pair<dev_t, ino_t>, Linked>;

// One open directory a level; the depth of what a step leaves is bounded by its own path limits.
void add_entries(const sys::Fd& directory, const std::string& subject, LinkedFiles& linked,
                 TreeSize& size) {
  for (const std::string& name : sys::list_directory(directory.get(), subject)) {
    const struct stat status = sys::fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW);
    const std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
    ++size.entries;
    if (S_ISDIR(status.st_mode)) {
      size.bytes += bytes;
      add_entries(sys::openat(directory.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), name,
                  linked, size);
    } else if (status.st_nlink == 1) {
      size.bytes += bytes;
    } else {
      Linked& file =
          linked.try_emplace({status.st_dev, status.st_ino}, status.st_nlink, bytes).first->second;
      if (--file.names_outside == 0) size.bytes += file.bytes;
    }
  }
}

}  // namespace

TreeSize tree_size(int dirfd, const std::string& path) {
  TreeSize size;
  LinkedFiles linked;
  add_entries(sys::openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path, linked, size);
  return size;
}

}  // namespace gbox::store
