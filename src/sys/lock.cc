#include "gbox/sys/lock.h"

#include <sys/file.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <thread>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::sys {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMaxNoteBytes = 4096;  // ours are shorter; what others wrote is cut
constexpr std::chrono::milliseconds kShortestPause{1};
constexpr std::chrono::milliseconds kLongestPause{50};  // a person cannot tell it from at once

enum class Attempt { locked, busy };

// flock(2) and not fcntl's: a lock of an open file description survives other descriptors of the
// same file being closed, follows a directory through renames, and is shared with a forked child,
// so that a step that outlives its gbox still guards its directories.
Attempt attempt(int fd, LockMode mode, const std::string& path) {
  const int operation = (mode == LockMode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  for (;;) {
    if (::flock(fd, operation) == 0) return Attempt::locked;
    if (errno == EWOULDBLOCK) return Attempt::busy;
    if (errno == EINTR) continue;
    SysError error(errno, "lock " + quoted(path));
    if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS)
      error.set_hint("this file system has no locks; use one on a local disk");
    throw error;
  }
}

// Whoever holds a lock may remove its file: a lock on a file that has lost its name guards nothing.
bool still_named(int fd, int dirfd, const std::string& path) {
  const auto named = try_fstatat(dirfd, path, AT_SYMLINK_NOFOLLOW);
  const struct stat ours = fstat(fd);
  return named && named->st_ino == ours.st_ino && named->st_dev == ours.st_dev;
}

Fd open_lock_file(int dirfd, const std::string& path) {
  return openat(dirfd, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

// The lock holds without its note (a full disk must not stop a build here). Never truncated to
// nothing: ext4 takes that for the replacing of a file that must survive a power cut, writes it out
// when it is closed, and the next one to truncate it waits for the disk, once for every step.
void replace_note(int fd, std::string_view note) noexcept {
  (void)!::pwrite(fd, note.data(), note.size(), 0);
  (void)!::ftruncate(fd, static_cast<off_t>(note.size()));
}

void write_note(int fd, std::string_view doing) noexcept {
  try {
    struct utsname host {};
    (void)::uname(&host);  // cannot fail on a valid buffer
    std::string note = "pid " + std::to_string(::getpid()) + "\nhost " + host.nodename +
                       "\nsince " + std::to_string(::time(nullptr)) + "\ndoing ";
    note += printable(doing);
    note += '\n';
    replace_note(fd, note);
  } catch (const std::exception&) {
    // No memory for a note: the lock holds all the same.
  }
}

}  // namespace

std::string describe(const LockHolder& holder) {
  std::vector<std::string> details;
  if (holder.pid > 0) details.push_back("pid " + std::to_string(holder.pid));
  if (!holder.host.empty()) details.push_back(printable(holder.host));
  if (holder.since > 0) {
    const std::time_t since = static_cast<std::time_t>(holder.since);
    struct tm local {};
    char text[32];
    // A lock of another day says so: 'since 02:13' alone would mislead.
    const bool old = ::time(nullptr) - since > 12 * 3600;
    if (::localtime_r(&since, &local) != nullptr &&
        std::strftime(text, sizeof text, old ? "%Y-%m-%d %H:%M" : "%H:%M", &local) > 0)
      details.push_back(std::string("since ") + text);
  }
  const std::string who = holder.doing.empty() ? "another process" : quoted(holder.doing);
  return details.empty() ? who : who + " (" + join(details, ", ") + ")";
}

LockHolder read_holder(int dirfd, const std::string& path) {
  LockHolder holder;
  std::optional<std::string> note;
  try {
    note = try_read_file(dirfd, path, kMaxNoteBytes);
  } catch (const Error&) {
    // The note is a courtesy: an unreadable one is an unknown holder.
  }
  if (!note) return holder;
  for (const std::string& line : split(*note, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) continue;
    const std::string name = line.substr(0, blank);
    const std::string value = line.substr(blank + 1);
    if (name == "pid") holder.pid = whole_number<pid_t>(value).value_or(0);
    if (name == "host") holder.host = value;
    if (name == "since") holder.since = whole_number<std::int64_t>(value).value_or(0);
    if (name == "doing") holder.doing = value;
  }
  return holder;
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::move(other.fd_);
    noted_ = other.noted_;
  }
  return *this;
}

void FileLock::reset() noexcept {
  // Wiped while the lock is still ours, so that the next holder's note cannot be hit.
  if (fd_ && noted_) replace_note(fd_.get(), "\n");  // a stale note misleads, nothing worse
  noted_ = false;
  fd_.reset();
}

std::optional<FileLock> FileLock::try_lock(int dirfd, const std::string& path, LockMode mode,
                                           std::string_view doing) {
  for (;;) {
    Fd fd = open_lock_file(dirfd, path);
    if (attempt(fd.get(), mode, path) == Attempt::busy) return std::nullopt;
    if (!still_named(fd.get(), dirfd, path)) continue;
    write_note(fd.get(), doing);
    return FileLock(std::move(fd), mode == LockMode::exclusive);
  }
}

FileLock FileLock::lock(int dirfd, const std::string& path, LockMode mode, std::string_view doing,
                        const LockWait& wait) {
  // Polled rather than blocked in flock(2): a wait must stay interruptible from every thread and
  // keep clocks moving, and no timer signal of ours may hit the caller's other system calls.
  const Clock::time_point begin = Clock::now();
  Clock::time_point next_word = begin + wait.first;
  std::chrono::milliseconds pause = kShortestPause;
  for (;;) {
    if (std::optional<FileLock> lock = try_lock(dirfd, path, mode, doing)) return std::move(*lock);
    check_interrupt();
    if (wait.on_tick) wait.on_tick();
    if (const auto now = Clock::now(); now >= next_word) {
      if (wait.on_wait) wait.on_wait(read_holder(dirfd, path));
      next_word = now + wait.again;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

std::optional<FileLock> FileLock::try_lock_directory(int dirfd, const std::string& path) {
  std::optional<Fd> fd = try_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd || attempt(fd->get(), LockMode::exclusive, path) == Attempt::busy) return std::nullopt;
  if (!still_named(fd->get(), dirfd, path)) return std::nullopt;
  return FileLock(std::move(*fd), false);
}

}  // namespace gbox::sys
