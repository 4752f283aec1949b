#include "target.h"

#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "files.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/layout.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"

namespace gbox::oci {

namespace {

constexpr std::string_view kLeftoverMark = ".tmp-";
constexpr std::chrono::milliseconds kLockPause{20};
constexpr int kLockTries = 500;

[[noreturn]] void refuse_target(const OutputTarget& target, const std::string& why,
                                const std::string& hint) {
  Error error(deed_of(target) + ": " + why, ExitCode::image);
  error.add_hint(hint);
  throw error;
}

std::string other_place_hint(const OutputTarget& target) {
  return target.transport == Transport::archive ? "use another path, or remove the file"
                                                : "use another path, or remove the directory";
}

// The path with symbolic links, '.' and '..' resolved, so that the renames below replace the
// directory a link points at, not the link.
std::string resolve(const OutputTarget& target) {
  const std::string& path = target.path;
  std::optional<struct stat> status;
  try {
    status = sys::try_fstatat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  } catch (SysError& error) {
    error.add_context(deed_of(target)).add_code(ExitCode::image);
    error.add_hint("use another path, or change the mode of the directories above it");
    throw;
  }
  const auto [parent, name] = sys::split_last(path);
  if (!status) return path;
  if (!S_ISLNK(status->st_mode) && !name.empty() && name != "." && name != "..") return path;
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (!real)
    refuse_target(target, "the symbolic link cannot be followed: " + std::string(strerror(errno)),
                  "make what it points at, or use another path");
  return real.get();
}

sys::Fd open_parent(const OutputTarget& target, const std::string& parent) {
  std::optional<sys::Fd> fd;
  try {
    fd = sys::try_openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY);
  } catch (Error& error) {
    error.add_context(deed_of(target)).add_code(ExitCode::image);
    error.add_hint("use another path, or change the directory's mode");
    throw;
  }
  if (!fd && sys::try_fstatat(AT_FDCWD, parent, 0))
    refuse_target(target, gbox::quoted(parent) + " is not a directory", "use another path");
  if (!fd)
    refuse_target(target, "directory " + gbox::quoted(parent) + " does not exist",
                  "make it first: mkdir -p " + gbox::quoted(parent));
  if (::faccessat(fd->get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    const int error_number = errno;
    refuse_target(target,
                  "directory " + gbox::quoted(parent) +
                      " cannot be written to: " + std::string(strerror(error_number)),
                  error_number == EROFS ? "use a path on a file system that is mounted writable"
                                        : "use another path, or change the directory's mode");
  }
  return std::move(*fd);
}

bool is_mount_point(int dirfd, const std::string& name) {
  struct statx status {};
  if (::statx(dirfd, name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) != 0) return false;
  return (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Only what is an image layout and nothing else may be replaced: the rest is somebody's data.
void check_directory_content(const OutputTarget& target, const std::vector<std::string>& names) {
  bool is_layout = false;
  std::string stray;
  for (const std::string& name : names) {
    if (name == kIndexFile || name == kLayoutFile)
      is_layout = true;
    else if (name != "blobs" && stray.empty())
      stray = name;
  }
  if (!is_layout)
    refuse_target(target, "the directory is not empty and holds no image layout",
                  "use a path that does not exist yet, or an empty directory");
  if (!stray.empty())
    refuse_target(target, "beside the image layout it holds " + gbox::quoted(stray),
                  "move that away, or use another path");
}

void check_images(const OutputTarget& target, std::string_view ref_name, Others others) {
  Index index;
  try {
    index = read_index(*open_files(target));
  } catch (const SysError& error) {
    refuse_target(target, error.message(), other_place_hint(target));
  } catch (const Error& error) {
    refuse_target(target, "what is there cannot be read as an image (" + error.message() + ")",
                  other_place_hint(target));
  }
  std::vector<std::string> names;
  std::size_t nameless = 0;
  for (const Descriptor& entry : index.manifests) {
    const std::string name = ref_name_of(entry);
    if (name.empty()) ++nameless;
    if (!name.empty() && name != ref_name) names.push_back(name);
  }
  if (others == Others::keep) {
    if (nameless != 0)
      refuse_target(target, "what it already holds has no name",
                    "use another path: among several, an image is found by its name alone");
    return;
  }
  if (!names.empty())
    refuse_target(target, "it already holds " + quoted_list(names),
                  "use another path, or '--append' and read it as " +
                      gbox::quoted(to_string(
                          {target.transport, target.path, std::string(ref_name), target.docker})));
  if (index.manifests.size() > 1)
    refuse_target(target, "it already holds " + std::to_string(index.manifests.size()) + " images",
                  other_place_hint(target) + " if you do not need them any more");
}

Occupied examine_directory(const OutputTarget& target, const TargetPlace& place,
                           std::string_view ref_name, Others others) {
  const std::optional<struct stat> status =
      sys::try_fstatat(place.parent.get(), place.name, AT_SYMLINK_NOFOLLOW);
  if (!status) return Occupied::no;
  if (!S_ISDIR(status->st_mode))
    refuse_target(
        target, "a file is in the way",
        "use another path, or write 'oci-archive:" + printable(target.path) + "' for a tar file");
  if (is_mount_point(place.parent.get(), place.name))
    refuse_target(target, "it is a mount point, which cannot be replaced as a whole",
                  "use a directory in it, such as 'oci:" + printable(target.path) + "/image'");
  const sys::Fd directory = sys::openat(place.parent.get(), place.name, O_RDONLY | O_DIRECTORY);
  const std::vector<std::string> names = sys::list_directory(directory.get(), place.name);
  if (names.empty()) return Occupied::empty;
  check_directory_content(target, names);
  check_images(target, ref_name, others);
  return Occupied::layout;
}

Occupied examine_archive(const OutputTarget& target, const TargetPlace& place,
                         std::string_view ref_name, Others others) {
  const std::optional<struct stat> status =
      sys::try_fstatat(place.parent.get(), place.name, AT_SYMLINK_NOFOLLOW);
  if (!status) return Occupied::no;
  if (S_ISDIR(status->st_mode))
    refuse_target(
        target, "a directory is in the way",
        "name a file in it, or write 'oci:" + printable(target.path) + "' for a directory");
  if (!S_ISREG(status->st_mode))
    refuse_target(target, "it is not a regular file",
                  "write to a file and copy it from there: an archive is published by rename");
  if (is_mount_point(place.parent.get(), place.name))
    refuse_target(target, "it is a mount point, which cannot be replaced", "use another path");
  if (status->st_size == 0) return Occupied::empty;
  check_images(target, ref_name, others);
  return Occupied::layout;
}

// Whether renameat2(2) refuses its flag, and not the names: NFS, some FUSE.
bool cannot_rename_so(int error_number) {
  return error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP;
}

}  // namespace

std::string deed_of(const OutputTarget& target) {
  return (target.transport == Transport::archive ? "write archive " : "write layout ") +
         gbox::quoted(target.path);
}

TargetPlace find_place(const OutputTarget& target) {
  const std::string path = resolve(target);
  if (path == "/")
    refuse_target(target, "the root directory cannot be replaced", "use another path");
  TargetPlace place;
  std::tie(place.parent_path, place.name) = sys::split_last(path);
  if (place.parent_path.empty()) place.parent_path = path.starts_with('/') ? "/" : ".";
  place.parent = open_parent(target, place.parent_path);
  return place;
}

sys::Fd lock_target(const OutputTarget& target) {
  const TargetPlace place = find_place(target);
  for (int tries = 0; tries < kLockTries; ++tries) {
    sys::check_interrupt();
    sys::Fd fd(::openat(place.parent.get(), place.name.c_str(),
                        O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return {};  // what is wrong with it, who looks at it next says
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return {};  // a file system without locks
      std::this_thread::sleep_for(kLockPause);
      continue;
    }
    const auto named = sys::try_fstatat(place.parent.get(), place.name, AT_SYMLINK_NOFOLLOW);
    const struct stat ours = sys::fstat(fd.get());
    if (named && named->st_ino == ours.st_ino && named->st_dev == ours.st_dev) return fd;
  }
  refuse_target(target, "another program keeps it locked",
                "run again when that has ended: all that was made is kept");
}

TargetPlace examine_target(const OutputTarget& target, std::string_view ref_name, Others others) {
  TargetPlace place = find_place(target);
  try {
    place.occupied = target.transport == Transport::archive
                         ? examine_archive(target, place, ref_name, others)
                         : examine_directory(target, place, ref_name, others);
  } catch (SysError& error) {
    error.add_context(deed_of(target)).add_code(ExitCode::image);
    error.add_hint(other_place_hint(target));
    throw;
  }
  return place;
}

void check_target(const OutputTarget& target, std::string_view ref_name, Others others) {
  const sys::Fd lock = lock_target(target);
  (void)examine_target(target, ref_name, others);  // it throws what there is to say
}

void remove_stale_leftovers(const TargetPlace& place) noexcept {
  // Leftovers cost space only, so nothing that goes wrong here may stop a build.
  try {
    const std::string prefix = place.name + std::string(kLeftoverMark);
    for (const std::string& name : sys::list_directory(place.parent.get(), place.parent_path)) {
      if (!name.starts_with(prefix) ||
          name.find_first_not_of("0123456789abcdef", prefix.size()) != std::string::npos)
        continue;
      const auto fd = sys::try_openat(place.parent.get(), name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
      // Its writer holds a lock from right after it was made; a dead one holds none.
      if (fd && ::flock(fd->get(), LOCK_EX | LOCK_NB) == 0)
        sys::remove_tree(place.parent.get(), name);
    }
  } catch (const std::exception&) {
  }
}

void replace_file(const TargetPlace& place, const std::string& from) {
  const int parent = place.parent.get();
  if (place.occupied == Occupied::no) {
    if (::renameat2(parent, from.c_str(), parent, place.name.c_str(), RENAME_NOREPLACE) == 0)
      return;
    if (!cannot_rename_so(errno))
      throw SysError(errno, "rename " + gbox::quoted(from) + " to " + gbox::quoted(place.name));
  }
  sys::renameat(parent, from, parent, place.name);
}

std::string replace_directory(const TargetPlace& place, const std::string& from,
                              Exchange exchange) {
  const int parent = place.parent.get();
  if (place.occupied != Occupied::layout) {
    // rename(2) puts a directory in place of an empty one, and refuses a full one (ENOTEMPTY).
    sys::renameat(parent, from, parent, place.name);
    return {};
  }
  if (exchange == Exchange::yes) {
    if (::renameat2(parent, from.c_str(), parent, place.name.c_str(), RENAME_EXCHANGE) == 0)
      return from;
    if (!cannot_rename_so(errno))
      throw SysError(errno, "exchange " + gbox::quoted(from) + " and " + gbox::quoted(place.name));
  }
  const std::string old = place.name + ".old-" + sys::random_hex(6);
  sys::renameat(parent, place.name, parent, old);
  try {
    sys::renameat(parent, from, parent, place.name);
  } catch (...) {
    (void)::renameat(parent, old.c_str(), parent, place.name.c_str());  // the first error matters
    throw;
  }
  return old;
}

}  // namespace gbox::oci
