// Whole files: read with a limit, publish atomically, remove trees, temporary directories.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gbox/sys/fd.h"

namespace gbox::sys {

constexpr std::uint64_t kDefaultFileLimit = 64u << 20;  // no control file of ours is larger

// The whole file. Throws Error (input) when it is larger than `limit_bytes`.
std::string read_file(int dirfd, const std::string& path,
                      std::uint64_t limit_bytes = kDefaultFileLimit);
inline std::string read_file(const std::string& path,
                             std::uint64_t limit_bytes = kDefaultFileLimit) {
  return read_file(AT_FDCWD, path, limit_bytes);
}
std::optional<std::string> try_read_file(int dirfd, const std::string& path,
                                         std::uint64_t limit_bytes = kDefaultFileLimit);

enum class Durable { no, yes };  // whether fsync comes before the rename

// Writes beside the target and renames: a crash leaves the old or the new, never half.
void write_file_atomically(int dirfd, const std::string& path, std::string_view content,
                           mode_t mode = 0644, Durable durable = Durable::yes);

// mkdir -p below `dirfd` (or an absolute path); existing directories are left as they are.
void ensure_directories(int dirfd, const std::string& path, mode_t mode = 0755);

// Removes `path` below `dirfd` and everything in it; never follows symbolic links, never leaves
// the tree, opens up directories whose mode forbids it. Absence is fine.
void remove_tree(int dirfd, const std::string& path);

// A directory of our own, removed with all it holds unless keep() was called.
class TempDir {
 public:
  TempDir() noexcept = default;
  // Makes PREFIX<random> with mode 0700 below `parent`.
  TempDir(const std::string& parent, std::string_view prefix);
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  // Gives up ownership: the directory stays.
  std::string keep() noexcept;

 private:
  void remove() noexcept;
  std::string path_;
  Fd fd_;
};

// Random lower-case hex of `bytes` bytes (getrandom); for temporary names, never for keys.
std::string random_hex(std::size_t bytes);

// Free bytes and free inodes for an ordinary user; inodes are nullopt where the file system has
// no limit.
struct FreeSpace {
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> inodes;
};
FreeSpace free_space(int fd);

}  // namespace gbox::sys
