#include "gbox/sys/fd.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>
#include <vector>

#include "gbox/base/text.h"

namespace gbox::sys {

namespace {

std::string deed(std::string_view call, std::string_view subject) {
  return std::string(call) + ' ' + quoted(subject);
}

// "No space left" hides which resource ran out, and EDQUOT looks like it: say what helps.
[[noreturn]] void throw_write_error(int error_number, const std::string& what, int fd) {
  SysError error(error_number, what);
  if (error_number == ENOSPC)
    error.set_hint("free space or inodes ('df -h', 'df -i'), or use a larger disk");
  if (error_number == EDQUOT) error.set_hint("the disk quota is used up; use another disk");
  (void)fd;  // only its errno is of interest here
  throw error;
}

}  // namespace

Fd openat(int dirfd, const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = ::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) throw SysError(errno, deed("open", path));
  }
}

std::optional<Fd> try_openat(int dirfd, const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = ::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    if (errno != EINTR) throw SysError(errno, deed("open", path));
  }
}

Fd dup(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw SysError(errno, "duplicate a file descriptor");
  return Fd(copy);
}

struct stat fstat(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw SysError(errno, "stat an open file");
  return status;
}

struct stat fstatat(int dirfd, const std::string& path, int flags) {
  struct stat status {};
  if (::fstatat(dirfd, path.c_str(), &status, flags) != 0)
    throw SysError(errno, deed("stat", path));
  return status;
}

std::optional<struct stat> try_fstatat(int dirfd, const std::string& path, int flags) {
  struct stat status {};
  if (::fstatat(dirfd, path.c_str(), &status, flags) == 0) return status;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw SysError(errno, deed("stat", path));
}

void mkdirat(int dirfd, const std::string& path, mode_t mode) {
  if (::mkdirat(dirfd, path.c_str(), mode) != 0)
    throw_write_error(errno, deed("make directory", path), dirfd);
}

void unlinkat(int dirfd, const std::string& path, int flags) {
  if (::unlinkat(dirfd, path.c_str(), flags) != 0) throw SysError(errno, deed("remove", path));
}

void renameat(int from_dirfd, const std::string& from, int to_dirfd, const std::string& to,
              unsigned flags) {
  if (::renameat2(from_dirfd, from.c_str(), to_dirfd, to.c_str(), flags) != 0)
    throw SysError(errno, deed("rename", from) + " to " + quoted(to));
}

void symlinkat(const std::string& target, int dirfd, const std::string& path) {
  if (::symlinkat(target.c_str(), dirfd, path.c_str()) != 0)
    throw_write_error(errno, deed("make symbolic link", path), dirfd);
}

void linkat(int from_dirfd, const std::string& from, int to_dirfd, const std::string& to) {
  if (::linkat(from_dirfd, from.c_str(), to_dirfd, to.c_str(), 0) != 0)
    throw SysError(errno, deed("link", from) + " to " + quoted(to));
}

std::string readlinkat(int dirfd, const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(dirfd, path.c_str(), target.data(), target.size());
  if (length < 0) throw SysError(errno, deed("read link", path));
  target.resize(static_cast<std::size_t>(length));
  return target;
}

void fsync(int fd, std::string_view subject) {
  if (::fsync(fd) != 0) throw_write_error(errno, deed("sync", subject), fd);
}

std::size_t read_full(int fd, std::span<std::byte> buffer, std::string_view subject) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::read(fd, buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw SysError(errno, deed("read", subject));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void write_all(int fd, std::span<const std::byte> bytes, std::string_view subject) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_write_error(errno, deed("write", subject), fd);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

Pipe pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw SysError(errno, "make a pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<std::string> list_directory(int dirfd, std::string_view subject) {
  // A fresh open file description: fdopendir moves the offset and closedir closes it.
  const int fd = ::openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw SysError(errno, deed("list", subject));
  const auto close_directory = [](DIR* d) { (void)::closedir(d); };  // fails only on a bad DIR
  std::unique_ptr<DIR, decltype(close_directory)> directory(::fdopendir(fd), close_directory);
  if (!directory) {
    const int error_number = errno;
    (void)::close(fd);  // the first error is the one to tell
    throw SysError(error_number, deed("list", subject));
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) {
      if (errno != 0) throw SysError(errno, deed("list", subject));
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace gbox::sys
