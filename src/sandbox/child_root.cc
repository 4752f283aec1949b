#include "child_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "gbox/sys/beneath.h"

namespace gbox::sandbox {

namespace {

int open_in_root(int root_fd, const char* path, int flags, std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.resolve = resolve;
  return sys::openat2_again(root_fd, path, how);
}

int new_mount(const char* type, unsigned attributes, const char* key = nullptr,
              const char* value = nullptr) noexcept {
  const int context = ::fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int tree = -1;
  if ((key == nullptr || ::fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) == 0) &&
      ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
    tree = ::fsmount(context, FSMOUNT_CLOEXEC, attributes);
  const int saved = errno;
  (void)::close(context);
  errno = saved;
  return tree;
}

// The mount points gbox itself relies on must be real directories of the root: an image whose
// /proc or /dev is a link could otherwise redirect what the set-up reads back from there.
int open_own_target(int root_fd, const char* path) noexcept {
  return open_in_root(root_fd, path, O_PATH | O_DIRECTORY,
                      RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

constexpr unsigned kPlainAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

int open_target(int root_fd, const Attachment& attachment) noexcept {
  const std::uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
                                (attachment.own ? std::uint64_t{RESOLVE_NO_SYMLINKS} : 0);
  const char* path = attachment.target.c_str();
  const int target = open_in_root(root_fd, path, O_PATH, resolve);
  // A link of the image that leads nowhere, as /etc/resolv.conf often does: a file covers the
  // link itself, which needs nothing made at its other end.
  if (target < 0 && attachment.file && !attachment.own && (errno == ENOENT || errno == ELOOP))
    return open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, resolve);
  return target;
}

// The kernel says EINVAL when a file meets a directory.
void explain_kinds(int target_fd, bool file) noexcept {
  struct stat status {};
  const int saved = errno;
  if (saved == EINVAL && ::fstat(target_fd, &status) == 0 && S_ISDIR(status.st_mode) == file)
    errno = file ? EISDIR : ENOTDIR;
  else
    errno = saved;
}

}  // namespace

[[noreturn]] void fail(const Prepared& p, Operation operation, std::size_t index) noexcept {
  const Failure failure = {operation, static_cast<std::int32_t>(index), errno};
  (void)!::write(p.failure_fd, &failure, sizeof failure);  // the parent sees EOF otherwise
  ::_exit(126);
}

int attach_to(int tree_fd, int target_fd) noexcept {
  return ::move_mount(tree_fd, "", target_fd, "",
                      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// A fresh proc of the outer pid namespace: the kernel allows the inner one to mount its own proc
// only where a complete one is in sight, and the host's must not be that one. A step that unmounts
// its own proc sees this one: hidepid leaves it the processes it may trace, which are its own, and
// neither gbox's arguments nor its state.
int mount_outer_proc(const Prepared& p) noexcept {
  const int proc = new_mount("proc", kPlainAttributes, "hidepid", "2");
  if (proc < 0) fail(p, Operation::mount_proc);
  const int target = open_own_target(p.root_fd, "proc");
  if (target < 0 || attach_to(proc, target) != 0) fail(p, Operation::mount_proc);
  (void)::close(target);
  return proc;
}

void mount_inner_proc(const Prepared& p) noexcept {
  const int proc = new_mount("proc", kPlainAttributes);
  const int target = ::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0 || target < 0 || attach_to(proc, target) != 0) fail(p, Operation::mount_proc);
  (void)::close(target);
  (void)::close(proc);
}

void mount_sys(const Prepared& p) noexcept {
  // With the host's network, sysfs belongs to the host: the caller bound it read-only instead.
  if (p.network == Prepared::NetworkOf::host) return;
  int tree = new_mount("sysfs", kPlainAttributes | MOUNT_ATTR_RDONLY);
  // As with proc: parts of it that an outer container masks would come to light again.
  if (tree < 0 && errno == EPERM) tree = p.host_sys_fd;
  if (tree < 0) fail(p, Operation::mount_sys);
  const int target = open_own_target(p.root_fd, "sys");
  if (target < 0 || attach_to(tree, target) != 0) fail(p, Operation::mount_sys);
  (void)::close(target);
  (void)::close(tree);
}

void attach_all(const Prepared& p) noexcept {
  for (std::size_t i = 0; i < p.attachments.size(); ++i) {
    const Attachment& attachment = p.attachments[i];
    const int target = open_target(p.root_fd, attachment);
    if (target < 0) fail(p, Operation::open_target, i);
    if (attach_to(attachment.tree_fd, target) != 0) {
      explain_kinds(target, attachment.file);
      fail(p, Operation::attach, i);
    }
    (void)::close(target);
  }
}

void pivot(const Prepared& p) noexcept {
  // The old root ends up under the new one and is detached whole: nothing of the host stays.
  if (::fchdir(p.root_fd) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
      ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
    fail(p, Operation::pivot);
}

namespace {

// What is not there needs no cover. By name in the step's own root, whose links lead nowhere else.
int open_covered(const Prepared& p, const std::string& path, Operation operation,
                 std::size_t index) noexcept {
  const int target = open_in_root(AT_FDCWD, path.c_str(), O_PATH, RESOLVE_NO_MAGICLINKS);
  if (target < 0 && errno != ENOENT && errno != ENOTDIR) fail(p, operation, index);
  return target;
}

}  // namespace

// As containers do it: an empty directory over directories, the null device over all else.
void hide(const Prepared& p, const std::vector<std::string>& paths, Operation operation) noexcept {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const int target = open_covered(p, paths[i], operation, i);
    if (target < 0) continue;
    struct stat status {};
    if (::fstat(target, &status) != 0) fail(p, operation, i);
    const int cover = S_ISDIR(status.st_mode)
                          ? new_mount("tmpfs", kPlainAttributes | MOUNT_ATTR_RDONLY, "mode", "0555")
                          : ::open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (cover < 0 || attach_to(cover, target) != 0) fail(p, operation, i);
    (void)::close(cover);
    (void)::close(target);
  }
}

// What is mounted below stays as it is: gbox's own directories are there to be written.
void make_read_only(const Prepared& p) noexcept {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  for (std::size_t i = 0; i < p.read_only.size(); ++i) {
    if (p.read_only[i] == "/") {
      if (::mount_setattr(AT_FDCWD, "/", 0, &attributes, sizeof attributes) != 0)
        fail(p, Operation::make_read_only, i);
      continue;
    }
    const int target = open_covered(p, p.read_only[i], Operation::make_read_only, i);
    if (target < 0) continue;
    const int tree =
        ::open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (tree < 0 || ::mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0 ||
        attach_to(tree, target) != 0)
      fail(p, Operation::make_read_only, i);
    (void)::close(tree);
    (void)::close(target);
  }
}

}  // namespace gbox::sandbox
