// Locks between processes (flock(2)): shared or exclusive, tried or waited for with a word to the
// person who waits. A lock dies with its holder, so a kill -9 never leaves one behind; a child that
// was forked and not yet exec'd counts as a holder too. It refuses nothing about what is locked:
// who calls it (the store) decides what a lock file stands for.
//
// Lock file format, version 1: empty, or the note of the last holder, one "NAME VALUE" a line:
// "pid 4711", "host runner-7", "since 1700000000" (unix seconds), "doing gbox build". The note is
// for people only; nothing is ever decided by it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gbox/sys/fd.h"

namespace gbox::sys {

enum class LockMode { shared, exclusive };

// Who holds a lock, as far as its note tells; every field may be unknown (0 or empty).
struct LockHolder {
  pid_t pid = 0;
  std::string host;
  std::int64_t since = 0;  // unix seconds
  std::string doing;
};
// "'gbox build' (pid 4711, runner-7, since 02:13)", without what is unknown; "another process"
// when nothing is known.
std::string describe(const LockHolder& holder);

// What to do while waiting. Both may be empty and both may throw, which gives the wait up.
struct LockWait {
  std::function<void(const LockHolder&)> on_wait;  // after `first`, then every `again`
  std::function<void()> on_tick;                   // several times a second
  std::chrono::milliseconds first{1000};
  std::chrono::milliseconds again{60000};
};

// Owns one lock; released by the destructor, silently. Move-only.
class FileLock {
 public:
  FileLock() noexcept = default;
  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock() { reset(); }

  // The lock file `path` below `dirfd` is made (0600) when missing and stays afterwards. It may be
  // removed by whoever holds it exclusively: waiters notice and start over with the new file.
  // `doing` goes into the note. Throws SysError; a file system without locks is named as such.
  static FileLock lock(int dirfd, const std::string& path, LockMode mode, std::string_view doing,
                       const LockWait& wait = {});
  // nullopt when another process holds it.
  static std::optional<FileLock> try_lock(int dirfd, const std::string& path, LockMode mode,
                                          std::string_view doing);
  // The directory itself as the lock, exclusively and without a note: it follows the directory
  // through renames. nullopt when held elsewhere, when missing, or when replaced meanwhile.
  static std::optional<FileLock> try_lock_directory(int dirfd, const std::string& path);

  [[nodiscard]] bool held() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void reset() noexcept;

 private:
  FileLock(Fd fd, bool noted) noexcept : fd_(std::move(fd)), noted_(noted) {}
  Fd fd_;
  bool noted_ = false;  // whether our exclusive note is to be wiped on release
};

// The note in a lock file; all unknown when the file is missing or holds none.
LockHolder read_holder(int dirfd, const std::string& path);

}  // namespace gbox::sys
