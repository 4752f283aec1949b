#include "gbox/sys/userns.h"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/process.h"

namespace gbox::sys {

namespace {

// Set for the re-executed process only, and removed by it: never seen by a step. Its value is the
// process' id, which exec keeps: one left over in an environment means nothing, where believing it
// would have root change the host's own mounts.
constexpr char kEnteredVariable[] = "GBOX_ENTERED_NAMESPACE";

bool entered = false;

// Passed on in the same way: what the first process found out.
constexpr char kCauseVariable[] = "GBOX_SINGLE_ID_CAUSE";
constexpr char kRemedyVariable[] = "GBOX_SINGLE_ID_REMEDY";

SingleId entered_single;

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  (void)::unsetenv(name);  // fails only for a malformed name
  return text;
}

void set_variable(const char* name, const std::string& value) {
  if (::setenv(name, value.c_str(), 1) != 0) throw SysError(errno, "set environment");
}

std::string require_helper(const char* program) {
  const std::string path = find_in_path(program);
  if (path.empty())
    throw Error("map ids: " + quoted(program) + " is not in PATH", ExitCode::host)
        .set_hint(
            "install 'uidmap' (debian, ubuntu), 'shadow-utils' (fedora) or "
            "'sys-apps/shadow' (gentoo)");
  const struct stat status = fstatat(AT_FDCWD, path, 0);
  const bool setuid_root = (status.st_mode & S_ISUID) != 0 && status.st_uid == 0;
  if (!setuid_root && ::getxattr(path.c_str(), "security.capability", nullptr, 0) <= 0)
    throw Error("map ids: " + quoted(path) + " has neither the setuid bit nor 'cap_setuid'",
                ExitCode::host)
        .set_hint("reinstall the package 'shadow' ('uidmap' on debian), or run 'chmod u+s " + path +
                  "' as root");
  return path;
}

std::vector<IdRange> require_ranges(const Identity& who, const char* file) {
  const std::string text = try_read_file(AT_FDCWD, file).value_or("");
  std::vector<IdRange> ranges = subordinate_ranges(text, who.name, who.uid);
  const std::string shown = who.name.empty() ? std::to_string(who.uid) : who.name;
  const std::string remedy =
      "run 'usermod --add-subuids 100000-165535 --add-subgids "
      "100000-165535 " +
      shown + "' as root";
  if (ranges.empty()) {
    if (who.name.empty())
      throw Error(
          "map ids: uid " + shown + " has no entry in passwd and no range in " + quoted(file),
          ExitCode::host)
          .set_hint(
              "add an entry for it in passwd, /etc/subuid and /etc/subgid, or run as a "
              "user that has one");
    throw Error("map ids: no range for " + quoted(shown) + " (uid " + std::to_string(who.uid) +
                    ") in " + quoted(file),
                ExitCode::host)
        .set_hint(remedy);
  }
  if (total_ids(ranges) + 1 < kImageIds)
    throw Error("map ids: " + quoted(file) + " gives " + quoted(shown) + ' ' +
                    std::to_string(total_ids(ranges)) + " ids, an image needs " +
                    std::to_string(kImageIds),
                ExitCode::host)
        .set_hint("widen the line to " + quoted(shown + ":100000:65536"));
  return ranges;
}

// Root without a line of its own in subuid(5): the highest aligned block that this process can
// map and that no other user was given, so that no file of anybody else is ever within reach.
std::vector<IdRange> unused_range(const char* map_file, const char* subordinate_file) {
  std::vector<IdRange> taken;
  for (const std::string& line :
       split(try_read_file(AT_FDCWD, subordinate_file).value_or(""), '\n')) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields.size() != 3) continue;
    const auto ranges = subordinate_ranges(line, fields[0], UINT32_MAX);
    taken.insert(taken.end(), ranges.begin(), ranges.end());
  }
  constexpr std::uint64_t kTop = 0x7fff0000;  // above it ids read as negative in old programs
  for (const IdExtent& extent : parse_id_map(read_file(map_file))) {
    const std::uint64_t end =
        std::min<std::uint64_t>(std::uint64_t{extent.inside} + extent.count, kTop);
    for (std::uint64_t first = end / kImageIds * kImageIds; first >= kImageIds;) {
      first -= kImageIds;
      if (first < extent.inside || first < kImageIds) break;
      const bool free = std::none_of(taken.begin(), taken.end(), [&](const IdRange& range) {
        return first < std::uint64_t{range.first} + range.count && range.first < first + kImageIds;
      });
      if (free) return {{static_cast<std::uint32_t>(first), kImageIds}};
    }
  }
  throw Error("map ids: root can map no 65536 ids beyond its own here", ExitCode::host)
      .set_hint("give root a range in /etc/subuid and /etc/subgid, or run as an ordinary user");
}

std::vector<IdRange> root_ranges(const char* subordinate_file, const char* map_file) {
  const std::string text = try_read_file(AT_FDCWD, subordinate_file).value_or("");
  std::vector<IdRange> ranges = subordinate_ranges(text, "root", 0);
  if (total_ids(ranges) >= kImageIds) return ranges;
  return unused_range(map_file, subordinate_file);
}

[[noreturn]] void throw_unshare_error(int error_number) {
  Error error = SysError(error_number, "create user namespace", ExitCode::host);
  const auto knob = [](const char* path) {
    try {
      return std::string(trim(try_read_file(AT_FDCWD, path).value_or("")));
    } catch (const Error&) {
      return std::string();
    }
  };
  if (knob("/proc/sys/user/max_user_namespaces") == "0")
    error = Error("create user namespace: 'user.max_user_namespaces' is 0", ExitCode::host)
                .set_hint("on the host, run 'sysctl -w user.max_user_namespaces=28633' as root");
  else if (knob("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    error = Error("create user namespace: 'kernel.unprivileged_userns_clone' is 0", ExitCode::host)
                .set_hint(
                    "on the host, run 'sysctl -w kernel.unprivileged_userns_clone=1' as "
                    "root");
  else if (error_number == EPERM)
    error.set_hint(
        "inside a container its seccomp profile forbids it, in a chroot the kernel "
        "does: 'gbox doctor' tells which, and the remedy");
  throw error.add_context("enter sandbox");
}

std::vector<std::string> helper_argv(const std::string& helper, pid_t pid, const IdMap& map) {
  std::vector<std::string> argv = {helper, std::to_string(pid)};
  for (const IdExtent& e : map)
    for (const std::uint32_t number : {e.inside, e.outside, e.count})
      argv.push_back(std::to_string(number));
  return argv;
}

// A private read-only view of our own binary: whatever later reaches it through /proc/PID/exe
// cannot open it for writing (CVE-2019-5736), even where the user owns the file.
Fd own_executable() {
  const std::string path = readlinkat(AT_FDCWD, "/proc/self/exe");
  const int tree = ::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) throw SysError(errno, "enter sandbox: open " + quoted(path), ExitCode::host);
  Fd fd(tree);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(fd.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
    throw SysError(errno, "enter sandbox: make " + quoted(path) + " read-only", ExitCode::host);
  return fd;
}

void map_subordinate_ids(Identity& who) {
  if (who.uid == 0) {
    who.uids = root_map(root_ranges("/etc/subuid", "/proc/self/uid_map"));
    who.gids = root_map(root_ranges("/etc/subgid", "/proc/self/gid_map"));
    return;
  }
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
    throw Error("map ids: run 'newuidmap': no_new_privs is set on this process", ExitCode::host)
        .set_hint(
            "in kubernetes set 'allowPrivilegeEscalation: true' for this pod; elsewhere "
            "start gbox without no_new_privs");
  const std::string newuidmap = require_helper("newuidmap");
  const std::string newgidmap = require_helper("newgidmap");
  who.uids = user_map(who.uid, require_ranges(who, "/etc/subuid"));
  who.gids = user_map(who.gid, require_ranges(who, "/etc/subgid"));
  who.newuidmap = newuidmap;
  who.newgidmap = newgidmap;
}

void map_single_id(Identity& who) {
  who.uids = single_user_map(who.uid);
  who.gids = single_user_map(who.gid);
  if (who.uid != 0) return;
  try {
    who.uids = single_root_map(root_ranges("/etc/subuid", "/proc/self/uid_map"));
    who.gids = single_root_map(root_ranges("/etc/subgid", "/proc/self/gid_map"));
  } catch (const Error&) {
    // Root of a namespace that has no other id: no more than whoever made that namespace.
    who.uids = single_user_map(0);
    who.gids = single_user_map(0);
  }
}

}  // namespace

Identity find_identity(IdMapChoice choice) {
  Identity who;
  who.uid = ::geteuid();
  who.gid = ::getegid();
  if (const passwd* entry = ::getpwuid(who.uid)) who.name = entry->pw_name;
  if (choice == IdMapChoice::automatic) try {
      map_subordinate_ids(who);
      return who;
    } catch (const Error& error) {
      if (error.code() != ExitCode::host) throw;
      who.single = {error.message(), error.hint()};
    }
  else
    who.single = {"'--id-map single' asks for it", "leave out '--id-map single'"};
  map_single_id(who);
  return who;
}

std::optional<IdMapChoice> id_map_choice(std::string_view text) {
  if (text == "auto") return IdMapChoice::automatic;
  if (text == "single") return IdMapChoice::single;
  return std::nullopt;
}

const SingleId& entered_single_id() {
  return entered_single;
}

void write_id_maps(const Identity& who, pid_t pid) {
  const auto write_map = [&](const char* name, const std::string& helper, const IdMap& map) {
    if (!helper.empty()) {
      run_helper(helper_argv(helper, pid, map), "map ids: run " + quoted(helper));
      return;
    }
    const std::string path = "/proc/" + std::to_string(pid) + '/' + name;
    write_all(open(path, O_WRONLY).get(), id_map_text(map), path);
  };
  // Whoever maps his own group alone must first give up setgroups(2): it could drop a group that a
  // file's mode keeps out (CVE-2014-8989). Not asked of a map that helpers or root write.
  if (!who.single.cause.empty() && who.uid != 0) {
    const std::string path = "/proc/" + std::to_string(pid) + "/setgroups";
    write_all(open(path, O_WRONLY).get(), "deny", path);
  }
  write_map("uid_map", who.newuidmap, who.uids);
  write_map("gid_map", who.newgidmap, who.gids);
}

bool inside_namespace() {
  return entered;
}

void enter_namespace(char** argv, IdMapChoice choice, const SingleId& why) {
  const pid_t self = ::getpid();
  const char* marker = std::getenv(kEnteredVariable);
  if (marker != nullptr && marker == std::to_string(self)) {
    (void)::unsetenv(kEnteredVariable);  // fails only for a malformed name
    entered_single = {take_variable(kCauseVariable), take_variable(kRemedyVariable)};
    entered = true;
    // New mounts of the host must not appear in here half way through a build.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      throw SysError(errno, "enter sandbox: make mounts private", ExitCode::host);
    return;
  }
  Identity who = find_identity(choice);
  if (choice == IdMapChoice::automatic && !who.single.cause.empty() && !why.cause.empty())
    who.single = why;
  Pipe ready = pipe();
  Child mapper = fork_child([&] {
    ready.write.reset();
    std::byte byte{};
    if (read_full(ready.read.get(), {&byte, 1}, "pipe") == 1) write_id_maps(who, self);
  });
  ready.read.reset();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) throw_unshare_error(errno);
  write_all(ready.write.get(), "1", "pipe");
  try {
    mapper.wait_or_throw();
  } catch (Error& error) {
    if (trim(try_read_file(AT_FDCWD, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
                 .value_or("")) == "1")
      error.set_hint(
          "apparmor restricts user namespaces: install a profile for gbox with "
          "'userns,', or set 'kernel.apparmor_restrict_unprivileged_userns' to 0");
    throw error.add_code(ExitCode::host).add_context("enter sandbox");
  }
  // Container root: for root itself the map gives another id than the one it came with.
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    throw SysError(errno, "enter sandbox: become its root", ExitCode::host);
  const Fd executable = own_executable();
  set_variable(kEnteredVariable, std::to_string(self));
  set_variable(kCauseVariable, who.single.cause);
  set_variable(kRemedyVariable, who.single.remedy);
  (void)::syscall(SYS_execveat, executable.get(), "", argv, environ, AT_EMPTY_PATH);
  throw SysError(errno, "enter sandbox: execute gbox again", ExitCode::host);
}

IdMap current_uid_map() {
  return parse_id_map(read_file("/proc/self/uid_map"));
}
IdMap current_gid_map() {
  return parse_id_map(read_file("/proc/self/gid_map"));
}

}  // namespace gbox::sys
