#include "gbox/sys/beneath.h"

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "gbox/base/text.h"

namespace gbox::sys {

namespace {

int open_resolved(int dirfd, const char* path, int flags, Resolve resolve, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.mode = mode;
  switch (resolve) {
    case Resolve::beneath:
      how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
      break;
    case Resolve::in_root:
      how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
      break;
    case Resolve::no_symlinks:
      how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
      break;
  }
  return openat2_again(dirfd, path, how);
}

[[noreturn]] void throw_open_error(int error_number, const std::string& path) {
  const std::string deed = "open " + quoted(path);
  if (error_number == EXDEV)
    throw Error(deed + ": the path leaves the directory it must stay in", ExitCode::input);
  if (error_number == ELOOP) throw Error(deed + ": a symbolic link is in the way", ExitCode::input);
  throw SysError(error_number, deed);
}

}  // namespace

int openat2_again(int dirfd, const char* path, const open_how& how) noexcept {
  // EAGAIN: a rename raced with the walk; the kernel asks to try again.
  for (int tries = 0;; ++tries) {
    const long fd = ::syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EINTR && (errno != EAGAIN || tries >= 128)) return -1;
  }
}

Fd open_beneath(int dirfd, const std::string& path, int flags, Resolve resolve, mode_t mode) {
  const int fd = open_resolved(dirfd, path.c_str(), flags, resolve, mode);
  if (fd < 0) throw_open_error(errno, path);
  return Fd(fd);
}

std::optional<Fd> try_open_beneath(int dirfd, const std::string& path, int flags, Resolve resolve,
                                   mode_t mode) {
  const int fd = open_resolved(dirfd, path.c_str(), flags, resolve, mode);
  if (fd >= 0) return Fd(fd);
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw_open_error(errno, path);
}

std::optional<Fd> try_open_directory(int dirfd, std::string_view path, Resolve resolve) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  try {
    return try_open_beneath(dirfd, path.empty() ? "." : std::string(path), O_RDONLY | O_DIRECTORY,
                            resolve);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<std::string> try_read_beneath(int dirfd, const std::string& path, std::uint64_t limit,
                                            Resolve resolve) try {
  // Without waiting for whoever writes to a pipe.
  const auto fd = try_open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK, resolve);
  if (!fd) return std::nullopt;
  const struct stat status = fstat(fd->get());
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) > limit)
    return std::nullopt;
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  text.resize(read_full(fd->get(), std::as_writable_bytes(std::span(text)), path));
  return text;
} catch (const Error&) {
  return std::nullopt;
}

Fd ensure_directories_in_root(int rootfd, const std::string& path, mode_t mode,
                              std::string* first_made) {
  const std::string relative = normalized_relative(path);
  if (first_made != nullptr) first_made->clear();
  if (relative.empty()) return openat(rootfd, ".", O_PATH | O_DIRECTORY);
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  if (auto whole = try_open_beneath(rootfd, relative, kFlags, Resolve::in_root))
    return std::move(*whole);
  // Walk by prefixes from the root, so that links among the parents keep their meaning.
  Fd parent = openat(rootfd, ".", kFlags);
  for (std::size_t start = 0; start < relative.size();) {
    const std::size_t end = std::min(relative.find('/', start), relative.size());
    const std::string prefix = relative.substr(0, end);
    const std::string name = relative.substr(start, end - start);
    auto found = try_open_beneath(rootfd, prefix, kFlags, Resolve::in_root);
    if (!found) {
      // EEXIST means a dangling link or a file: the open below then says which.
      if (::mkdirat(parent.get(), name.c_str(), mode) == 0) {
        if (first_made != nullptr && first_made->empty()) *first_made = prefix;
      } else if (errno != EEXIST) {
        throw SysError(errno, "make directory " + quoted(prefix));
      }
      found = open_beneath(rootfd, prefix, kFlags, Resolve::in_root);
    }
    parent = std::move(*found);
    start = end + 1;
  }
  return parent;
}

std::string normalized_relative(std::string_view path) {
  if (path.find('\0') != std::string_view::npos)
    throw Error("path " + quoted(path) + " holds a NUL byte", ExitCode::input);
  std::string result;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      throw Error("path " + quoted(path) + " leaves its directory by '..'", ExitCode::input);
    if (!result.empty()) result += '/';
    result += part;
  }
  return result;
}

std::pair<std::string, std::string> split_last(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

}  // namespace gbox::sys
