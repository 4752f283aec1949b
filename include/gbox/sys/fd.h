// File descriptors as owned values, and thin wrappers named like the man page that throw SysError
// with call and subject. Everything is opened O_CLOEXEC. No policy in here.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gbox/base/error.h"

namespace gbox::sys {

// Owns one descriptor; -1 owns nothing. Move-only; closing never fails loudly.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept {
    if (fd_ >= 0) (void)::close(fd_);  // nothing sensible can be done about a failed close here
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

Fd openat(int dirfd, const std::string& path, int flags, mode_t mode = 0);
inline Fd open(const std::string& path, int flags, mode_t mode = 0) {
  return openat(AT_FDCWD, path, flags, mode);
}
// nullopt on ENOENT and ENOTDIR only.
std::optional<Fd> try_openat(int dirfd, const std::string& path, int flags, mode_t mode = 0);
// A second owner of the same open file description, O_CLOEXEC.
Fd dup(int fd);

struct stat fstat(int fd);
struct stat fstatat(int dirfd, const std::string& path, int flags);
std::optional<struct stat> try_fstatat(int dirfd, const std::string& path, int flags);

void mkdirat(int dirfd, const std::string& path, mode_t mode);
void unlinkat(int dirfd, const std::string& path, int flags);
// `flags` as renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE.
void renameat(int from_dirfd, const std::string& from, int to_dirfd, const std::string& to,
              unsigned flags = 0);
void symlinkat(const std::string& target, int dirfd, const std::string& path);
// Links the file at `from` (never follows a symbolic link).
void linkat(int from_dirfd, const std::string& from, int to_dirfd, const std::string& to);
std::string readlinkat(int dirfd, const std::string& path);
void fsync(int fd, std::string_view subject);

// Reads until `size` bytes or end of file; returns the number of bytes read.
std::size_t read_full(int fd, std::span<std::byte> buffer, std::string_view subject);
void write_all(int fd, std::span<const std::byte> bytes, std::string_view subject);
inline void write_all(int fd, std::string_view text, std::string_view subject) {
  write_all(fd, std::as_bytes(std::span(text)), subject);
}

struct Pipe {
  Fd read;
  Fd write;
};
Pipe pipe();

// Names of a directory's entries without "." and "..", in byte order. `dirfd` is not consumed.
std::vector<std::string> list_directory(int dirfd, std::string_view subject);

}  // namespace gbox::sys
