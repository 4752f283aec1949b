#include "probe_deeds.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"
#include "gbox/sys/fuse_overlay.h"
#include "gbox/sys/mount.h"
#include "gbox/sys/owner.h"
#include "gbox/sys/process.h"
#include "gbox/sys/userns.h"

namespace gbox::sys {

namespace {

// The child reports deed after deed as lines "NAME ERRNO DETAIL": what it did before it died is
// known all the same.
constexpr std::array kDeedNames = {std::pair{"user-namespace", &Deeds::user_namespace},
                                   std::pair{"id-map", &Deeds::id_map},
                                   std::pair{"mount", &Deeds::mount},
                                   std::pair{"proc", &Deeds::proc},
                                   std::pair{"namespaces", &Deeds::namespaces},
                                   std::pair{"store-open", &Deeds::store_open},
                                   std::pair{"store-xattr", &Deeds::store_xattr},
                                   std::pair{"store-chown", &Deeds::store_chown},
                                   std::pair{"store-case", &Deeds::store_case},
                                   std::pair{"overlay", &Deeds::overlay},
                                   std::pair{"execute", &Deeds::execute},
                                   std::pair{"store-execute", &Deeds::store_execute},
                                   std::pair{"fuse", &Deeds::fuse}};

class Reporter {
 public:
  explicit Reporter(int fd) : fd_(fd) {}
  // Runs one deed; what it throws becomes its errno and detail. True when it worked.
  template <class Action>
  bool attempt(const char* name, Action&& action) const {
    int error_number = 0;
    std::string detail;
    try {
      detail = action();
    } catch (const SysError& error) {
      error_number = error.error_number();
    } catch (const Error& error) {
      error_number = EINVAL;
      detail = error.message();
    }
    report(name, error_number, detail);
    return error_number == 0;
  }
  void report(const char* name, int error_number, const std::string& detail) const {
    write_all(
        fd_,
        std::string(name) + ' ' + std::to_string(error_number) + ' ' + printable(detail) + '\n',
        "pipe");
  }

 private:
  int fd_;
};

void check(bool worked, const char* deed) {
  if (!worked) throw SysError(errno, deed);
}

void read_report(const std::string& line, Deeds& deeds) {
  const std::size_t name_end = line.find(' ');
  const std::size_t number_end = line.find(' ', name_end + 1);
  if (name_end == std::string::npos || number_end == std::string::npos) return;
  for (const auto& [name, member] : kDeedNames)
    if (line.compare(0, name_end, name) == 0)
      deeds.*member = {true, std::atoi(line.c_str() + name_end + 1), line.substr(number_end + 1)};
}

// A fresh proc is only allowed by the process that is in the new pid namespace: the next child.
void mount_proc(const std::string& point) {
  check(::unshare(CLONE_NEWPID) == 0, "unshare");
  const pid_t pid = ::fork();
  check(pid >= 0, "fork");
  if (pid == 0)
    ::_exit(::mount("proc", point.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0
                ? 0
                : errno);
  int status = 0;
  check(::waitpid(pid, &status, 0) == pid, "waitpid");
  if (!WIFEXITED(status)) throw SysError(EIO, "mount proc");
  if (WEXITSTATUS(status) != 0) throw SysError(WEXITSTATUS(status), "mount proc");
}

void make_file(int dirfd, const std::string& path, std::string_view content) {
  write_all(openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0755).get(), content, path);
}

// What emerge does to a file system all day. mount(2) alone proves little: without userxattr it
// works unprivileged, and the first 'rm -r' fails.
enum class Whiteouts { of_kernel, any };
void use_overlay(int merged, int scratch, Whiteouts whiteouts, std::string& stage) {
  stage = "read";
  if (read_file(merged, "d/f") != "x") throw SysError(EIO, stage);
  stage = "remove a directory";
  unlinkat(merged, "d/f", 0);
  unlinkat(merged, "d", AT_REMOVEDIR);
  stage = "make it again";
  mkdirat(merged, "d", 0755);
  if (try_fstatat(merged, "d/f", 0)) throw SysError(EIO, stage);
  stage = "remove a file";
  unlinkat(merged, "e", 0);
  if (try_fstatat(merged, "e", 0)) throw SysError(EIO, stage);
  if (whiteouts == Whiteouts::any) return;
  const struct stat whiteout = fstatat(scratch, "upper/e", AT_SYMLINK_NOFOLLOW);
  if (!S_ISCHR(whiteout.st_mode) || whiteout.st_rdev != 0) throw SysError(EIO, stage);
}

// mount_overlay() explains its errors in words; a rule wants the number, so ask mount(2) for it.
int overlay_errno(int scratch) {
  const std::string base = "/proc/self/fd/" + std::to_string(scratch) + '/';
  const std::string data = "userxattr,lowerdir=" + base + "lower1:" + base +
                           "lower2,upperdir=" + base + "upper,workdir=" + base + "work";
  const int result = ::mount("overlay", (base + "merged").c_str(), "overlay", 0, data.c_str());
  return result == 0 ? EINVAL : errno;
}

bool try_overlay(const Reporter& reporter, int scratch) {
  std::string stage = "prepare";
  try {
    for (const char* name : {"lower1", "lower1/d", "lower2", "upper", "work", "merged"})
      mkdirat(scratch, name, 0755);
    make_file(scratch, "lower1/d/f", "x");
    make_file(scratch, "lower2/e", "x");
    make_file(scratch, "lower2/program", "x");
    stage = "mount";
    Fd tree;
    try {
      tree = mount_overlay({scratch, {"lower1", "lower2"}, "upper", "work"});
    } catch (const Error&) {
      throw SysError(overlay_errno(scratch), stage);
    }
    move_mount(tree.get(), openat(scratch, "merged", O_PATH | O_DIRECTORY).get(), "merged");
    const Fd merged = openat(scratch, "merged", O_RDONLY | O_DIRECTORY);
    use_overlay(merged.get(), scratch, Whiteouts::of_kernel, stage);
    reporter.report("overlay", 0, "");
    reporter.attempt("execute", [&] {
      // faccessat refuses X_OK on what is mounted noexec, and needs no program to try with.
      check(::faccessat(merged.get(), "program", X_OK, 0) == 0, "execute");
      return "";
    });
    return true;
  } catch (const SysError& error) {
    reporter.report("overlay", error.error_number(), stage);
    return false;
  }
}

void try_fuse(const Reporter& reporter, int scratch, const std::string& scratch_path) {
  std::string stage = "prepare";
  try {
    for (const char* name :
         {"fuse", "fuse/l1", "fuse/l1/d", "fuse/l2", "fuse/upper", "fuse/work", "fuse/merged"})
      mkdirat(scratch, name, 0755);
    make_file(scratch, "fuse/l1/d/f", "x");
    make_file(scratch, "fuse/l2/e", "x");
    stage = "make a whiteout";  // as snapshots hold them, which it has to understand
    check(::mknodat(scratch, "fuse/whiteout", S_IFCHR, 0) == 0, "mknod");
    stage = "mount";
    const std::string point = scratch_path + "/fuse/merged";
    FuseOverlay overlay({scratch, {"fuse/l1", "fuse/l2"}, "fuse/upper", "fuse/work"}, scratch_path,
                        point);
    {
      const Fd tree = overlay.take();
      move_mount(tree.get(), open(point, O_PATH | O_DIRECTORY).get(), point);
      const Fd merged = open(point, O_RDONLY | O_DIRECTORY);
      use_overlay(merged.get(), scratch, Whiteouts::any, stage);
    }
    (void)::umount2(point.c_str(), MNT_DETACH);  // gone with this process at the latest
    overlay.wait();
    reporter.report("fuse", 0, "");
  } catch (const SysError& error) {
    reporter.report("fuse", error.error_number(),
                    stage + ": " + std::strerror(error.error_number()));
  } catch (const Error& error) {
    reporter.report("fuse", EINVAL, error.message());
  }
}

void try_store(const Reporter& reporter, const std::string& scratch_path, Fuse fuse) {
  Fd scratch;
  const bool opened = reporter.attempt("store-open", [&] {
    scratch = open(scratch_path, O_RDONLY | O_DIRECTORY);
    make_file(scratch.get(), "aA", "");
    return "";
  });
  if (!opened) return;
  reporter.attempt("store-case",
                   [&] { return try_fstatat(scratch.get(), "Aa", 0) ? "folds" : ""; });
  const Fd file = openat(scratch.get(), "aA", O_RDONLY);
  reporter.attempt("store-xattr", [&] {
    check(::fsetxattr(file.get(), "user.gbox", "1", 1, 0) == 0, "fsetxattr");
    return "";
  });
  reporter.attempt("store-chown", [&] {
    // Of a link, too: there a recorded owner is harder to keep.
    symlinkat("aA", scratch.get(), "link");
    for (const char* name : {"aA", "link"}) {
      give_at(owners(), scratch.get(), name, 1, 1, name);
      const Fd inode = openat(scratch.get(), name, O_PATH | O_NOFOLLOW);
      const struct stat status = owned_status(owners(), inode.get());
      if (status.st_uid != 1 || status.st_gid != 1) throw SysError(EPERM, "fchown");
    }
    return "";
  });
  reporter.attempt("store-execute", [&] {
    make_file(scratch.get(), "program", "x");
    check(::faccessat(scratch.get(), "program", X_OK, 0) == 0, "execute");
    return "";
  });
  if (!try_overlay(reporter, scratch.get()) || fuse == Fuse::asked_for)
    try_fuse(reporter, scratch.get(), scratch_path);
}

// Everything that is done as root of a namespace, in a child of its own, which takes all mounts
// with it when it ends.
void try_inside(const Reporter& reporter, const std::string& scratch, Fuse fuse) {
  // The scratch directory may be out of reach for mapped ids: then any directory does.
  const std::string point = !scratch.empty() && ::access((scratch + "/point").c_str(), X_OK) == 0
                                ? scratch + "/point"
                                : "/tmp";
  const bool mounted = reporter.attempt("mount", [&] {
    check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make private");
    check(::mount("tmpfs", point.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") == 0, "mount");
    check(::mkdir((point + "/proc").c_str(), 0755) == 0, "mkdir");
    return "";
  });
  if (!mounted) return;
  if (!scratch.empty()) try_store(reporter, scratch, fuse);
  bool namespaces = true;
  for (const auto& [flag, name] :
       {std::pair{CLONE_NEWNET, "net"}, std::pair{CLONE_NEWIPC, "ipc"},
        std::pair{CLONE_NEWUTS, "uts"}, std::pair{CLONE_NEWCGROUP, "cgroup"}}) {
    if (::unshare(flag) == 0) continue;
    reporter.report("namespaces", errno, name);
    namespaces = false;
    break;
  }
  if (namespaces) reporter.report("namespaces", 0, "");
  reporter.attempt("proc", [&] {
    mount_proc(point + "/proc");
    return "";
  });
}

// In the parent, while the child waits in its new user namespace. "" or why it cannot be mapped.
Deed map_ids(pid_t pid) {
  try {
    const Identity who = find_identity(IdMapChoice::automatic);
    write_id_maps(who, pid);
    return {true, 0, describe(who.uids)};
  } catch (const Error& error) {
    std::string message = error.message();
    constexpr std::string_view kPrefix = "map ids: ";  // the rule says it again
    if (message.starts_with(kPrefix)) message.erase(0, kPrefix.size());
    return {true, EPERM, message};
  }
}

// One line from the child, without the newline; nullopt at its end.
std::optional<std::string> read_line(int fd) {
  std::string line;
  for (;;) {
    std::byte byte{};
    if (read_full(fd, {&byte, 1}, "pipe") == 0) return std::nullopt;
    if (static_cast<char>(byte) == '\n') return line;
    line += static_cast<char>(byte);
  }
}

void try_in_child(Deeds& deeds, const std::string& scratch, Scope scope, Fuse fuse) {
  Pipe reports = pipe();
  Pipe go = pipe();
  const bool enter = scope == Scope::everything;
  Child child = fork_child([&] {
    reports.read.reset();
    go.write.reset();
    const Reporter reporter(reports.write.get());
    if (!enter) {
      check(::unshare(CLONE_NEWNS) == 0, "unshare");
      try_inside(reporter, scratch, fuse);
      return;
    }
    const bool made = reporter.attempt("user-namespace", [] {
      check(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "unshare");
      return "";
    });
    std::byte mapped{};
    if (!made || read_full(go.read.get(), {&mapped, 1}, "pipe") == 0) return;
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
      reporter.report("id-map", errno, "");
      return;
    }
    try_inside(reporter, scratch, fuse);
  });
  reports.write.reset();
  go.read.reset();
  while (const std::optional<std::string> line = read_line(reports.read.get())) {
    read_report(*line, deeds);
    if (!line->starts_with("user-namespace ")) continue;
    if (deeds.user_namespace.error_number == 0) {
      deeds.id_map = map_ids(child.pid());
      if (deeds.id_map.error_number == 0) {
        write_all(go.write.get(), "1", "pipe");
        continue;
      }
    }
    go.write.reset();  // the child ends
  }
  (void)child.wait();  // what it could not do is in its reports
}

// The first parent that a process of another id may not pass.
std::string closed_directory(const std::string& resolved) {
  const uid_t own = ::geteuid();
  std::string path;
  for (const std::string& part : split(resolved, '/')) {
    if (part.empty()) continue;
    path += '/' + part;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return path;
    if (status.st_uid != own && (status.st_mode & S_IXOTH) == 0) return path;
  }
  return {};
}

// cgroup v2: one's own directory must be writable to hold cgroups for steps.
Deed try_cgroup() {
  const std::string text = try_read_file(AT_FDCWD, "/proc/self/cgroup").value_or("");
  std::string own;
  for (const std::string& line : split(text, '\n'))
    if (line.starts_with("0::")) own = line.substr(3);
  if (own.empty() || !try_fstatat(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", 0))
    return {true, ENOENT, "cgroup v2 is not mounted"};
  const std::string place = "/sys/fs/cgroup" + (own == "/" ? "" : own);
  const std::string trial = place + "/gbox-probe-" + random_hex(4);
  if (::mkdir(trial.c_str(), 0755) != 0) return {true, errno, quoted(place) + " is not writable"};
  (void)::rmdir(trial.c_str());  // empty and ours: cannot fail, and an empty cgroup costs nothing
  return {true, 0, place};
}

}  // namespace

StoreFacts read_store_facts(const std::string& path) {
  StoreFacts store;
  store.path = path;
  std::error_code ignored;
  std::filesystem::path place = std::filesystem::absolute(path);
  while (!std::filesystem::is_directory(place, ignored) && place.has_relative_path())
    place = place.parent_path();
  store.resolved = std::filesystem::canonical(place, ignored).string();
  if (store.resolved.empty()) store.resolved = "/";
  try {
    const FreeSpace space = free_space(open(store.resolved, O_RDONLY | O_DIRECTORY).get());
    store.space = human_size(space.bytes) + " free";
    if (space.inodes && *space.inodes < 1000000)  // worth a word when few
      store.space += ", " + std::to_string(*space.inodes) + " inodes free";
  } catch (const Error&) {
    // Only for the report; opening it is a check of its own.
  }
  return store;
}

Deeds try_deeds(StoreFacts& store, Scope scope, Fuse fuse) {
  Deeds deeds;
  TempDir scratch;
  try {
    scratch = TempDir(store.resolved, ".gbox-probe-");
    mkdirat(scratch.fd(), "point", 0755);
  } catch (const SysError& error) {
    deeds.store_open = {true, error.error_number(), {}};
  }
  try_in_child(deeds, scratch.path(), scope, fuse);
  if (deeds.store_open.error_number == EACCES) store.closed_at = closed_directory(store.resolved);
  if (scope == Scope::everything) deeds.cgroup = try_cgroup();
  return deeds;
}

}  // namespace gbox::sys
