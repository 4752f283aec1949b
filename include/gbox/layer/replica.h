// A private copy of a tree that a step may work on where no overlay can be mounted, and afterwards
// what the step has changed in it, as the overlay layer directory that the kernel would have
// written. `build` calls it inside the store's user namespace.
//
// Every name gets an inode of its own, never a link to the source's: what is written through the
// copy must reach nothing else. So names that were links of each other no longer are, as after
// overlayfs has copied one of them up. Data is shared with the source where the file system can do
// that, until one of the two is changed.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>

namespace gbox::layer {

// Puts a layer directory (O_RDONLY) over the plain tree `target` (O_RDONLY), whiteouts and opaque
// marks applied, with copies of its files.
void lay_over(int layer, int target, const std::function<void()>& check_interrupt = {});

class Replica {
 public:
  // Copies the tree `source` into `target` (both O_RDONLY; the target is empty): types, owners,
  // modes, attributes, content with its holes, times; and remembers it. `source` is a layer
  // directory without whiteouts, as flatten() makes one over nothing: attributes of the user's that
  // are escaped there are not in the copy, and overlayfs' own are left out. Nobody changes either
  // meanwhile. `check_interrupt` is called often; it throws to stop. Throws Error; what the target
  // holds then is for the caller to remove.
  static Replica copy(int source, int target, const std::function<void()>& check_interrupt = {});
  // Makes the target, whatever was done to it, a copy of `source` again, or of another tree of the
  // same immutable files: what is a copy of its file there already stays.
  void refresh(int source, int target, const std::function<void()>& check_interrupt = {});
  // What the tree `target` (O_RDONLY) is like now: what is done to it from when this returns is a
  // change.
  static Replica remember(int target, const std::function<void()>& check_interrupt = {});
  // A directory or file at `path` was made since, with directories it lies in: they are no change
  // as long as nothing is done to them, nor are those that held them before, which get their times
  // back. Twice is harmless.
  void allow(int target, const std::string& path);

  // Fills `upper` (O_RDONLY, empty) with what has changed in `target`: new and changed entries with
  // all the directories they lie in, a whiteout for each that is gone, and an opaque mark on
  // directories that are new where there may be others below. An entry counts as changed when its
  // inode is another one or has another time of change, whatever it holds; unchanged files are not
  // read. The root's own owner, mode and times are given to `upper` only when something changed in
  // it or of it.
  void difference(int target, int upper, const std::function<void()>& check_interrupt = {}) const;

  [[nodiscard]] std::size_t entries() const noexcept { return inodes_.size(); }

 private:
  struct Inode {
    ino_t number = 0;
    std::int64_t changed_ns = 0;
    timespec modified{};
    bool directory = false;
    std::int64_t born_ns = 0;  // of a directory: a new one often gets the number of the old one
  };
  // A file by what no other one has, also later, when its number is free again.
  struct Source {
    ino_t number = 0;  // 0: not known
    std::int64_t born_ns = 0;
  };
  static Inode inode_of(const struct stat& status);
  // 0 where the file system does not tell.
  static std::int64_t birth_of(int dirfd, const std::string& name);
  friend class Difference;
  friend class TreeCopy;

  std::unordered_map<std::string, Inode> inodes_;    // by path; "" is the root
  std::unordered_map<std::string, Source> sources_;  // likewise, of what was copied
  std::set<std::string> made_;
};

}  // namespace gbox::layer
