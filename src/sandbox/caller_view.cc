#include "caller_view.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::sandbox {

namespace {

sys::Fd open_quietly(int dirfd, const std::string& path, int flags) noexcept {
  return sys::Fd(::openat(dirfd, path.c_str(), flags | O_CLOEXEC));
}

// "/proc/self" is another process for gbox than for the caller; what is meant by it most often is a
// descriptor. The number, and what comes after it; -1 for any other path.
struct OwnDescriptor {
  int number = -1;
  std::string rest;
};

OwnDescriptor own_descriptor(const std::string& path) {
  for (const auto& [name, number] :
       {std::pair{"/dev/stdin", 0}, {"/dev/stdout", 1}, {"/dev/stderr", 2}})
    if (path == name) return {number, {}};
  for (const std::string_view prefix : {"/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"}) {
    if (!path.starts_with(prefix)) continue;
    OwnDescriptor found;
    const char* const begin = path.data() + prefix.size();
    const char* const end = path.data() + path.size();
    const auto [after, error] = std::from_chars(begin, end, found.number);
    if (error != std::errc() || found.number < 0 || (after != end && *after != '/')) return {};
    if (after != end) found.rest.assign(after + 1, end);
    return found;
  }
  return {};
}

}  // namespace

CallerView::CallerView()
    : proc_(sys::open("/proc", O_PATH | O_DIRECTORY)),
      own_descriptors_(sys::open("/proc/self/fd", O_PATH | O_DIRECTORY)) {}

// What a link in the caller's /proc/PID leads to. Only if it still waits: else the id may be that
// of a process which is no concern of ours.
sys::Fd CallerView::open_link(const Call& call, const std::string& name, int flags) const {
  sys::Fd opened = open_quietly(proc_.get(), std::to_string(call.pid) + '/' + name, O_PATH | flags);
  if (opened && !call.alive()) {
    opened.reset();
    errno = ESRCH;
  }
  return opened;
}

// A root, a working directory and a umask of the thread's own.
bool CallerView::set_thread_apart() {
  if (thread_is_apart_) return true;
  if (::unshare(CLONE_FS) != 0 || ::fchdir(own_descriptors_.get()) != 0) return false;
  (void)::umask(0);  // the caller's counts; this one is the thread's own as well
  thread_is_apart_ = true;
  return true;
}

bool CallerView::enter_root_of(const Call& call) {
  const sys::Fd root = open_link(call, "root", O_DIRECTORY);
  struct statx status {};
  if (!set_thread_apart() || !root ||
      ::statx(root.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &status) != 0)
    return false;
  if (root_inode_ == status.stx_ino && root_mount_ == status.stx_mnt_id && root_mount_ != 0)
    return true;
  root_mount_ = 0;
  if (::fchdir(root.get()) != 0 || ::chroot(".") != 0 || ::fchdir(own_descriptors_.get()) != 0)
    return false;
  root_inode_ = status.stx_ino;
  root_mount_ = status.stx_mnt_id;
  return true;
}

sys::Fd CallerView::open(const Call& call, int fd) {
  if (!set_thread_apart()) return {};
  if (fd < 0) {
    errno = EBADF;
    return {};
  }
  sys::Fd opened = open_link(call, "fd/" + std::to_string(fd), 0);
  if (!opened && errno == ENOENT) errno = EBADF;
  return opened;
}

sys::Fd CallerView::open(const Call& call, int dirfd, const std::string& path, Follow follow) {
  if (!enter_root_of(call)) return {};
  sys::Fd base;
  std::string rest = path;
  if (const OwnDescriptor own = own_descriptor(path);
      own.number >= 0 && (follow == Follow::yes || !own.rest.empty())) {
    base = open(call, own.number);
    rest = own.rest;
  } else if (!path.starts_with('/')) {
    base = dirfd == AT_FDCWD ? open_link(call, "cwd", O_DIRECTORY) : open(call, dirfd);
  } else {
    base = open_quietly(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  }
  if (!base || rest.empty()) return base;
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (follow == Follow::no ? std::uint64_t{O_NOFOLLOW} : 0);
  how.resolve = RESOLVE_NO_MAGICLINKS;
  return sys::Fd(
      static_cast<int>(::syscall(SYS_openat2, base.get(), rest.c_str(), &how, sizeof how)));
}

bool CallerView::is_capable(const Call& call, unsigned capability) const {
  const std::string held = status_line(call, "CapEff");
  return (std::strtoull(held.c_str(), nullptr, 16) >> capability & 1) != 0;
}

mode_t CallerView::umask(const Call& call) const {
  return static_cast<mode_t>(std::strtoul(status_line(call, "Umask").c_str(), nullptr, 8));
}

// Of /proc/PID/status; "" when there is none.
std::string CallerView::status_line(const Call& call, const std::string& name) const {
  std::array<char, 8192> text;
  const sys::Fd file = open_quietly(proc_.get(), std::to_string(call.pid) + "/status", O_RDONLY);
  if (!file) return {};
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size <= 0) return {};
  for (const std::string& line :
       split(std::string_view(text.data(), static_cast<std::size_t>(size)), '\n'))
    if (line.starts_with(name + ':')) return std::string(trim(line.substr(name.size() + 1)));
  return {};
}

std::uint64_t CallerView::program(const Call& call) const {
  std::array<char, 1024> text;
  const sys::Fd file = open_quietly(proc_.get(), std::to_string(call.pid) + "/stat", O_RDONLY);
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : 0;
  if (size <= 0) return 0;
  const std::string_view line(text.data(), static_cast<std::size_t>(size));
  // proc_pid_stat(5): the name, which may hold anything, ends at the last parenthesis; 'startstack'
  // is field 28, the 26th behind it.
  const std::vector<std::string> fields = split_words(line.substr(line.rfind(')') + 1));
  constexpr std::size_t kStartOfStack = 25;
  return fields.size() > kStartOfStack ? std::strtoull(fields[kStartOfStack].c_str(), nullptr, 10)
                                       : 0;
}

ino_t CallerView::user_namespace(const Call& call) const {
  struct stat status {};
  const std::string path = std::to_string(call.pid) + "/ns/user";
  return ::fstatat(proc_.get(), path.c_str(), &status, 0) == 0 ? status.st_ino : 0;
}

}  // namespace gbox::sandbox
