// The directories of one running (or failed) step. Made by Store; used by `build`, which mounts an
// overlay with fs() as upperdir and work() as workdir. It mounts nothing itself.
#pragma once

#include <string>

#include "gbox/sys/fd.h"
#include "gbox/sys/lock.h"

namespace gbox::store {

// Owns a directory below work/ (or failed/) and its lock. Move-only. The destructor removes the
// directory unless it was published, kept or opened as a failed step; unmount first. What the
// caller puts beside fs() and work() stays with a failed step and goes when it is published.
class Work {
 public:
  Work(Work&& other) noexcept;
  Work& operator=(Work&& other) noexcept;
  ~Work();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }  // absolute
  [[nodiscard]] std::string fs() const { return path_ + "/fs"; }
  [[nodiscard]] std::string work() const { return path_ + "/work"; }
  [[nodiscard]] int fd() const noexcept { return lock_.fd(); }       // the directory holding both
  [[nodiscard]] int fs_fd() const noexcept { return fs_fd_.get(); }  // O_RDONLY

 private:
  friend class Store;
  enum class End { discard, keep };
  Work(std::string path, sys::FileLock lock, sys::Fd fs_fd, sys::FileLock lease, End end) noexcept;
  void finish() noexcept;

  std::string path_;  // empty once moved from or published
  sys::FileLock lock_;
  sys::Fd fs_fd_;
  sys::FileLock lease_;
  End end_ = End::discard;
};

}  // namespace gbox::store
