// A way down a directory tree with few descriptors open however deep it is: those of the innermost
// levels, and the way back goes through '..'. For trees that nobody renames meanwhile; a way back
// that leads elsewhere is an error. Used by flatten.cc.
#pragma once

#include <string>
#include <vector>

#include "gbox/sys/fd.h"

namespace gbox::layer {

inline constexpr std::size_t kOpenLevels = 60;

class Descent {
 public:
  // `root` is borrowed, O_RDONLY.
  explicit Descent(int root) { levels_.push_back({{}, sys::openat(root, ".", kFlags), {}}); }

  [[nodiscard]] int fd() const noexcept { return levels_.back().fd.get(); }
  // For errors: the way from the root to an entry of the innermost directory.
  [[nodiscard]] std::string path_of(const std::string& name) const;
  // `directory` was opened as `name` of the innermost one.
  void enter(std::string name, sys::Fd directory);
  // Never of the root.
  void leave();

 private:
  static constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  struct Level {
    std::string name;
    sys::Fd fd;             // none while it lies too far up
    struct stat status {};  // known when fd is none
  };
  std::vector<Level> levels_;
};

}  // namespace gbox::layer
