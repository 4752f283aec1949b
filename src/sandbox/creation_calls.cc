#include "creation_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "gbox/base/error.h"

namespace gbox::sandbox {

namespace {

// The device number as mknod(2) takes it, in 32 bits (Linux' include/linux/kdev_t.h).
dev_t decode_device(std::uint32_t device) {
  return makedev((device & 0xfff00) >> 8, (device & 0xff) | ((device >> 12) & 0xfff00));
}

// The directory and the name in it, as the kernel takes a path apart.
std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

ArgumentBits creating_open(std::string_view call) {
  if (call == "open") return {1, O_CREAT};
  if (call == "openat") return {2, O_CREAT};
  return {};
}

std::optional<CreationCalls::Place> CreationCalls::place_of(const Call& call, int dirfd,
                                                            std::uint64_t path) {
  const auto text = call.read_string(path);
  if (!text) return std::nullopt;
  auto [parent, name] = split_path(*text);
  if (name.empty() || name == "." || name == "..") return std::nullopt;
  Place place{view_.open(call, dirfd, parent, Follow::yes), std::move(name), {}};
  struct stat above {};
  if (!place.directory || ::fstat(place.directory.get(), &above) != 0 || !S_ISDIR(above.st_mode) ||
      !OwnerCalls::is_own(above))
    return std::nullopt;
  const Credentials& who = credentials_.of(call.pid);
  place.owner = {who.user.file_system, who.group.file_system};
  if ((above.st_mode & S_ISGID) != 0)
    place.owner.gid = owners_.owner_of(place.directory, above).value_or(sys::Owner()).gid;
  if (!call.alive()) return std::nullopt;
  return place;
}

Answer CreationCalls::record(const Place& place, mode_t type, const sys::Owner& owner) {
  const sys::Fd made(
      ::openat(place.directory.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  // What the step has put in its place meanwhile has an owner already.
  if (!made || ::fstat(made.get(), &status) != 0 || (status.st_mode & S_IFMT) != type)
    return Answer::result(0);
  owners_.record(made, status, owner);
  return Answer::result(0);
}

Answer CreationCalls::open(const Call& call, int dirfd, std::uint64_t path, int flags,
                           mode_t mode) {
  if ((flags & O_CREAT) == 0 || (flags & O_PATH) != 0) return Answer::proceed();
  const auto place = place_of(call, dirfd, path);
  if (!place || place->owner == sys::Owner()) return Answer::proceed();
  const mode_t allowed = mode & 07777u & ~view_.umask(call);
  if (!call.alive()) return Answer::error(ESRCH);
  const sys::Fd made(::openat(place->directory.get(), place->name.c_str(),
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat status {};
  // There already, or not to be made: the kernel has the right words for it.
  if (!made || ::fstat(made.get(), &status) != 0) return Answer::proceed();
  if (::fchmod(made.get(), allowed) != 0) return Answer::last_error();
  owners_.record(made, status, place->owner);
  if ((flags & O_EXCL) == 0) return Answer::proceed();  // opens what is there now
  const int how = (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC;
  const sys::Fd opened(::open(CallerView::path_of(made).c_str(), how));
  if (!opened) return Answer::last_error();
  const int given = call.give_descriptor(opened.get(), (flags & O_CLOEXEC) != 0);
  return given < 0 ? Answer::last_error() : Answer::result(given);
}

Answer CreationCalls::mkdir(const Call& call, int dirfd, std::uint64_t path, mode_t mode) {
  const auto place = place_of(call, dirfd, path);
  if (!place || place->owner == sys::Owner()) return Answer::proceed();
  const mode_t allowed = mode & 01777u & ~view_.umask(call);
  if (!call.alive()) return Answer::error(ESRCH);
  if (::mkdirat(place->directory.get(), place->name.c_str(), allowed) != 0)
    return Answer::last_error();
  return record(*place, S_IFDIR, place->owner);
}

Answer CreationCalls::symlink(const Call& call, std::uint64_t target, int dirfd,
                              std::uint64_t path) {
  const auto place = place_of(call, dirfd, path);
  if (!place || place->owner == sys::Owner()) return Answer::proceed();
  const auto text = call.read_string(target);
  if (!text) return Answer::error(EFAULT);
  if (::symlinkat(text->c_str(), place->directory.get(), place->name.c_str()) != 0)
    return Answer::last_error();
  return record(*place, S_IFLNK, place->owner);
}

Answer CreationCalls::mknod(const Call& call, int dirfd, std::uint64_t path, mode_t mode,
                            std::uint32_t device) {
  const mode_t type = (mode & S_IFMT) == 0 ? mode_t{S_IFREG} : mode & S_IFMT;
  const bool is_device = S_ISCHR(type) || S_ISBLK(type);
  const dev_t number = decode_device(device);
  // As overlayfs has it of a whiteout's number.
  if (is_device &&
      (credentials_.of(call.pid).user.effective != 0 || (S_ISCHR(type) && number == 0)))
    return Answer::error(EPERM);
  const auto place = place_of(call, dirfd, path);
  // A device that the kernel is left to make is refused by it, with an errno that fits the path.
  if (!place || (!is_device && place->owner == sys::Owner())) return Answer::proceed();
  const mode_t allowed = mode & 07777u & ~view_.umask(call);
  if (!call.alive()) return Answer::error(ESRCH);
  const mode_t kind = is_device ? mode_t{S_IFREG} : type;
  if (::mknodat(place->directory.get(), place->name.c_str(), kind | allowed, 0) != 0)
    return Answer::last_error();
  sys::Owner owner = place->owner;
  if (is_device) {
    owner.device_type = type;
    owner.device = number;
  }
  return record(*place, kind, owner);
}

}  // namespace gbox::sandbox
