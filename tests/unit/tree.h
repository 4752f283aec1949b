// A throw-away directory with helpers to fill and read it, for tests of code that walks trees.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "gbox/sys/file.h"

namespace gbox::test {

class Tree {
 public:
  Tree() : directory_(root(), "gbox-unit-") {}
  [[nodiscard]] int fd() const { return directory_.fd(); }
  [[nodiscard]] std::string path(const std::string& below = {}) const {
    return below.empty() ? directory_.path() : directory_.path() + '/' + below;
  }
  // Makes the file and the directories above it.
  Tree& file(const std::string& below, std::string_view content = {}, mode_t mode = 0644) {
    const std::size_t slash = below.rfind('/');
    if (slash != std::string::npos) directory(below.substr(0, slash));
    sys::write_file_atomically(fd(), below, content, mode, sys::Durable::no);
    return *this;
  }
  Tree& directory(const std::string& below) {
    sys::ensure_directories(fd(), below);
    return *this;
  }
  Tree& link(const std::string& below, const std::string& target) {
    sys::symlinkat(target, fd(), below);
    return *this;
  }
  // "" when there is no such file.
  [[nodiscard]] std::string read(const std::string& below) const {
    return sys::try_read_file(fd(), below).value_or("");
  }
  [[nodiscard]] bool exists(const std::string& below) const {
    return sys::try_fstatat(fd(), below, AT_SYMLINK_NOFOLLOW).has_value();
  }
  [[nodiscard]] mode_t mode(const std::string& below) const {
    return sys::fstatat(fd(), below, AT_SYMLINK_NOFOLLOW).st_mode & 07777;
  }

 private:
  static std::string root() {
    const char* place = std::getenv("TMPDIR");
    return place == nullptr || *place == '\0' ? "/tmp" : place;
  }
  sys::TempDir directory_;
};

}  // namespace gbox::test
