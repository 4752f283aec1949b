#include "gbox/sys/file.h"

#include <sys/random.h>
#include <sys/statvfs.h>

#include <array>
#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"

namespace gbox::sys {

namespace {

std::string read_open_file(int fd, const std::string& path, std::uint64_t limit_bytes) {
  std::string content;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const std::size_t count = read_full(fd, buffer, path);
    content.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (content.size() > limit_bytes)
      throw Error("read " + quoted(path) + ": larger than " + human_size(limit_bytes),
                  ExitCode::input);
    if (count < buffer.size()) return content;
  }
}

// Depth is bounded by the file system's own path limits, not by the stack: one fd a level.
void remove_entries(int dirfd, std::string_view subject) {
  for (const std::string& name : list_directory(dirfd, subject)) {
    if (::unlinkat(dirfd, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM && errno != EACCES)
      throw SysError(errno, "remove " + quoted(name));
    remove_tree(dirfd, name);
  }
}

}  // namespace

std::string read_file(int dirfd, const std::string& path, std::uint64_t limit_bytes) {
  const Fd fd = openat(dirfd, path, O_RDONLY);
  return read_open_file(fd.get(), path, limit_bytes);
}

std::optional<std::string> try_read_file(int dirfd, const std::string& path,
                                         std::uint64_t limit_bytes) {
  const std::optional<Fd> fd = try_openat(dirfd, path, O_RDONLY);
  if (!fd) return std::nullopt;
  return read_open_file(fd->get(), path, limit_bytes);
}

void write_file_atomically(int dirfd, const std::string& path, std::string_view content,
                           mode_t mode, Durable durable) {
  const std::string temporary = path + ".tmp-" + random_hex(6);
  try {
    const Fd fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    write_all(fd.get(), content, path);
    if (::fchmod(fd.get(), mode) != 0) throw SysError(errno, "chmod " + quoted(path));
    if (durable == Durable::yes) fsync(fd.get(), path);
    renameat(dirfd, temporary, dirfd, path);
  } catch (...) {
    (void)::unlinkat(dirfd, temporary.c_str(), 0);  // best effort; the first error matters
    throw;
  }
}

void ensure_directories(int dirfd, const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (!part.empty() && ::mkdirat(dirfd, part.c_str(), mode) != 0 && errno != EEXIST) {
      // Read-only or forbidden parents of an existing directory are fine.
      const int error_number = errno;
      struct stat status {};
      if (::fstatat(dirfd, part.c_str(), &status, 0) != 0 || !S_ISDIR(status.st_mode))
        throw SysError(error_number, "make directory " + quoted(part));
    }
    if (end == std::string::npos) break;
  }
  const Fd opened = openat(dirfd, path, O_PATH | O_DIRECTORY);
  (void)opened;  // proves that the last component is a directory
}

void remove_tree(int dirfd, const std::string& path) {
  if (::unlinkat(dirfd, path.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM && errno != EACCES)
    throw SysError(errno, "remove " + quoted(path));
  std::optional<Fd> directory;
  try {
    directory = try_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (const SysError& error) {
    if (error.error_number() != EACCES) throw;
    // A directory we own may forbid us: steps may leave such ones behind.
    if (::fchmodat(dirfd, path.c_str(), 0700, 0) != 0)
      throw SysError(errno, "remove " + quoted(path));
    directory = try_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  if (!directory) return;
  if (::faccessat(directory->get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
    (void)::fchmod(directory->get(), 0700);  // if it does not help, the removal below says so
  remove_entries(directory->get(), path);
  if (::unlinkat(dirfd, path.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    throw SysError(errno, "remove " + quoted(path));
}

TempDir::TempDir(const std::string& parent, std::string_view prefix) {
  path_ = parent + '/' + std::string(prefix) + random_hex(8);
  mkdirat(AT_FDCWD, path_, 0700);
  fd_ = open(path_, O_RDONLY | O_DIRECTORY);
}

TempDir::TempDir(TempDir&& other) noexcept
    : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
    fd_ = std::move(other.fd_);
  }
  return *this;
}

TempDir::~TempDir() {
  remove();
}

std::string TempDir::keep() noexcept {
  fd_.reset();
  return std::exchange(path_, {});
}

void TempDir::remove() noexcept {
  if (path_.empty()) return;
  try {
    remove_tree(AT_FDCWD, path_);
  } catch (const std::exception&) {
    // A leftover costs space only; the store collects those of dead processes when it opens.
  }
  path_.clear();
}

std::string random_hex(std::size_t bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string raw(bytes, '\0');
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size()))
    throw SysError(errno, "read random bytes");
  std::string hex;
  for (const char c : raw) {
    hex += kHex[static_cast<unsigned char>(c) >> 4];
    hex += kHex[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

FreeSpace free_space(int fd) {
  struct statvfs status {};
  if (::fstatvfs(fd, &status) != 0) throw SysError(errno, "read free space");
  FreeSpace space;
  space.bytes = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  if (status.f_files != 0) space.inodes = status.f_favail;  // btrfs says 0: no limit
  return space;
}

}  // namespace gbox::sys
