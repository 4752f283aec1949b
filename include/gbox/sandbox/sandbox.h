// One sandbox: a process tree in namespaces of its own over an overlay, started, watched and
// killed as a whole. It knows nothing of specs, snapshots or Portage: `build` says what to mount
// and what to run.
//
// Two processes stand between gbox and the command. The *outer* one stays in the store's user
// namespace: it is PID 1 of an outer pid namespace (killing it kills everything), attaches every
// mount and pivots into the root. The *inner* one is made by it in a nested user namespace with
// mount, pid, net, ipc, uts and cgroup namespaces of its own; it becomes gbox-init, PID 1 of the
// step. Mounts made by the outer side are locked for the inner one: CAP_SYS_ADMIN inside cannot
// undo them, and nothing of gbox's memory or descriptors exists inside.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gbox/sandbox/notified.h"
#include "gbox/sandbox/policy.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/mount.h"
#include "gbox/sys/process.h"

namespace gbox::sandbox {

enum class Access { read_only, read_write };

// A detached mount and the place in the root where it appears.
struct Mount {
  sys::Fd tree;
  std::string target;  // absolute, as seen inside; links are resolved inside the root, and a
                       // file covers a link that leads nowhere
  enum class Kind { directory, file } kind = Kind::directory;
};

// A file or directory of the host (or store) to show inside, with what is mounted below it; nosuid
// and nodev always. Throws Error (input) for a symbolic link: whoever names it resolves it.
Mount bind_mount(int dirfd, const std::string& source, std::string target, Access access);
// An empty tmpfs. `size` as tmpfs(5) takes it, "" for its default (half of the memory).
Mount tmpfs_mount(std::string target, const std::string& size, const std::string& mode);

// Throws Error (host), with the remedy, when this host plainly has not what a network needs. Cheap.
void require_network(Network network);
// For a sandbox with a network: /etc/resolv.conf with what answers there, in a file that is written
// into the directory.
Mount resolver_mount(int dirfd, Network network);

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in the environment's PATH inside
  std::vector<std::pair<std::string, std::string>> environment;  // all of it: nothing is inherited
  std::string working_directory = "/";
  std::uint32_t uid = 0;  // inside
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
};

// Bounds that the kernel keeps for each process of the sandbox; 0: as the caller's.
struct ResourceLimits {
  std::uint64_t processes = kMostProcesses;  // of one user of the sandbox, threads counted
  std::uint64_t file_bytes = 0;              // of one file

  // What no build needs and no machine of today is brought down by: a fork bomb ends here.
  static constexpr std::uint64_t kMostProcesses = 16384;
};

struct Settings {
  sys::Fd root;               // detached mount of the root file system
  std::vector<Mount> mounts;  // in order; targets must exist, see ensure_targets()
  Command command;
  Network network = Network::none;
  std::string host_name = "gbox";
  Notified notified;
  ResourceLimits limits;
  int cgroup_fd = -1;  // directory of the cgroup (version 2) to start in; -1: the caller's
};

// The directories a sandbox itself mounts on.
std::vector<std::string> own_targets();

// Makes the targets of `settings.mounts` and the sandbox's own ones where they are missing in the
// root (through its mount: they land in the upperdir). Returns every directory and file made, by
// its real path in the root, outer before inner, for the caller to take out of the upperdir again.
// Throws Error (input) when /proc, /dev or /sys of the root is not a real directory.
std::vector<std::string> ensure_targets(const Settings& settings);

// Where the command's output goes.
struct Pipes {
  int stdin_fd = -1;   // -1: /dev/null
  int stdout_fd = -1;  // inherited by the step as 1
  int stderr_fd = -1;  // and as 2
};
struct Terminal {
  unsigned short rows = 24;
  unsigned short columns = 80;
};

class Supervisor;   // supervisor.h
class UserNetwork;  // user_network.h
struct Prepared;    // child.h

// A running sandbox. The destructor kills it.
class Sandbox {
 public:
  // Throws Error (host) when the kernel refuses a part of it, naming the part.
  static Sandbox start(Settings settings, const Policy& policy, const Pipes& pipes);
  // With a new terminal of the sandbox's own devpts as its three standard descriptors; the other
  // end is terminal_fd(). The caller's terminal itself never enters a sandbox.
  static Sandbox start(Settings settings, const Policy& policy, const Terminal& terminal);
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;
  ~Sandbox();

  // The process above all others of the sandbox.
  [[nodiscard]] pid_t pid() const noexcept { return outer_.pid(); }
  [[nodiscard]] int pidfd() const noexcept { return outer_.pidfd(); }
  [[nodiscard]] int terminal_fd() const noexcept { return terminal_.get(); }
  void kill() noexcept;
  // The command's exit status, after every process of the sandbox is gone. Throws what a handler
  // of notified calls threw.
  sys::ExitStatus wait();

 private:
  struct Launched;
  static Launched launch(Settings& settings, const Policy& policy, Prepared& prepared);
  Sandbox(Launched launched, sys::Fd terminal);
  std::unique_ptr<Supervisor> supervisor_;  // first: it ends after those it serves
  std::unique_ptr<UserNetwork> network_;    // likewise
  sys::Child outer_;
  sys::Fd terminal_;
};

}  // namespace gbox::sandbox
