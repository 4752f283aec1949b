#include "gbox/sandbox/sandbox.h"

#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "child.h"
#include "creation_calls.h"
#include "embedded.h"
#include "filter.h"
#include "gbox/base/text.h"
#include "gbox/sandbox/single_id.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/level.h"
#include "gbox/sys/owner.h"
#include "gbox/sys/userns.h"
#include "supervisor.h"
#include "targets.h"
#include "user_network.h"

namespace gbox::sandbox {

namespace {

constexpr std::uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

// gbox-init in memory, sealed: neither a step nor a stray descriptor can change it.
sys::Fd init_memory() {
  // Said aloud, as the sysctl 'vm.memfd_noexec' may have the other default (since Linux 6.3; older
  // kernels do not know the flag).
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, which older headers do not have
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  sys::Fd fd(::memfd_create("gbox-init", kFlags | kExecutable));
  if (!fd && errno == EINVAL) fd = sys::Fd(::memfd_create("gbox-init", kFlags));
  if (!fd) {
    SysError error(errno, "enter sandbox: make a memory file", ExitCode::host);
    if (error.error_number() == EACCES)
      error.set_hint("'vm.memfd_noexec' is 2: on the host, run 'sysctl -w vm.memfd_noexec=1'");
    throw error;
  }
  sys::write_all(fd.get(), init_program(), "gbox-init");
  if (::fchmod(fd.get(), 0555) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    throw SysError(errno, "enter sandbox: seal gbox-init", ExitCode::host);
  return fd;
}

// The minimal /dev: a tmpfs with the devices every program may use, bound from the host because a
// user namespace cannot make device nodes.
constexpr std::array kDevices = {"null", "zero", "full", "random", "urandom", "tty"};

Mount device_directory() {
  Mount mount{sys::new_mount("tmpfs", {{"mode", "0755"}, {"size", "1M"}},
                             MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
              "/dev"};
  const int fd = mount.tree.get();
  for (const char* name : kDevices) (void)sys::openat(fd, name, O_WRONLY | O_CREAT | O_EXCL, 0666);
  for (const char* name : {"pts", "shm", "mqueue"}) sys::mkdirat(fd, name, 0755);
  for (const auto& [target, name] : {std::pair{"/proc/self/fd", "fd"},
                                     {"/proc/self/fd/0", "stdin"},
                                     {"/proc/self/fd/1", "stdout"},
                                     {"/proc/self/fd/2", "stderr"},
                                     {"pts/ptmx", "ptmx"}})
    sys::symlinkat(target, fd, name);
  return mount;
}

// The host's proc as a step may have it where no other can be mounted. It shows processes outside
// by number, name and arguments; what they hold is closed, as the step's user namespace has no
// power over theirs (ptrace(2), "Ptrace access mode checking"). Some of their files ask for the
// owner alone, who may have the step's own kernel id: oom_score_adj, comm. So nothing can be
// written, whoever opens it, and the step cannot lift that: the mount is locked.
Mount host_proc() {
  Mount mount{sys::open_tree(AT_FDCWD, "/proc", sys::Recursive::yes), "/proc"};
  sys::mount_setattr(mount.tree.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | kInert,
                     sys::Recursive::yes);
  return mount;
}

// Likewise, with what an outer container has mounted over it.
sys::Fd host_sys() {
  sys::Fd tree = sys::open_tree(AT_FDCWD, "/sys", sys::Recursive::yes);
  sys::mount_setattr(tree.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | kInert,
                     sys::Recursive::yes);
  return tree;
}

void add_device_mounts(std::vector<Mount>& mounts, sys::Owners owners) {
  mounts.push_back(device_directory());
  for (const char* name : kDevices) {
    Mount device{sys::open_tree(AT_FDCWD, std::string("/dev/") + name, sys::Recursive::no),
                 std::string("/dev/") + name, Mount::Kind::file};
    sys::mount_setattr(device.tree.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                       sys::Recursive::no);
    mounts.push_back(std::move(device));
  }
  std::vector<sys::MountOption> terminals = {
      {"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}};
  // Group 'tty', where there is such an id.
  if (owners == sys::Owners::real) terminals.push_back({"gid", "5"});
  mounts.push_back(
      {sys::new_mount("devpts", terminals, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), "/dev/pts"});
  mounts.push_back(tmpfs_mount("/dev/shm", "", "1777"));
}

std::uint64_t capability_mask(const Policy& policy) {
  std::uint64_t mask = 0;
  for (const std::string& name : policy.capabilities) {
    cap_value_t value = 0;
    if (::cap_from_name(("cap_" + name).c_str(), &value) != 0)
      throw Error("policy " + quoted(policy.name) + ": unknown capability " + quoted(name),
                  ExitCode::usage);
    mask |= std::uint64_t{1} << value;
  }
  return mask;
}

// What the policy says of paths and resources, as the child needs it.
void prepare_places(Prepared& prepared, const Policy& policy) {
  for (const std::string& path : paths_of(policy.hidden))
    (path.starts_with("/proc/") ? prepared.hidden_in_proc : prepared.hidden).push_back(path);
  prepared.read_only = paths_of(policy.read_only);
  for (const ResourceRule& rule : policy.resources)
    prepared.resources.push_back({resource_number(rule.name).value(), rule.most});
}

void prepare_capabilities(Prepared& prepared, const Policy& policy, std::uint32_t uid) {
  const std::uint64_t granted = capability_mask(policy);
  const auto grants = [&](cap_value_t value) { return (granted >> value & 1) != 0; };
  prepared.become_here = !grants(CAP_SETUID) || !grants(CAP_SETGID);
  // Where the command's user is emulated, the kernel takes it for root, and would give it at exec
  // what the policy has for root.
  const std::uint64_t mask = prepared.single_id && prepared.become_here && uid != 0 ? 0 : granted;
  for (cap_value_t value = 0; value < ::cap_max_bits(); ++value)
    if ((mask >> value & 1) == 0) prepared.dropped_capabilities.push_back(value);
  for (std::size_t word = 0; word < 2; ++word) {
    const auto bits = static_cast<std::uint32_t>(mask >> (32 * word));
    prepared.capabilities[word] = {bits, bits, 0};  // none inheritable: exec as root gives them
  }
  prepared.no_new_privileges = policy.no_new_privileges;
}

// Text that lives as long as the child needs it, with the pointers exec wants.
struct Arguments {
  std::vector<std::string> argv;
  std::vector<std::string> environment;
};

Arguments arguments_of(const Command& command) {
  std::vector<std::string> groups;
  for (const std::uint32_t group : command.groups) groups.push_back(std::to_string(group));
  Arguments arguments;
  arguments.argv = {"gbox-init", std::to_string(command.uid), std::to_string(command.gid),
                    groups.empty() ? "-" : join(groups, ","), command.working_directory};
  arguments.argv.insert(arguments.argv.end(), command.argv.begin(), command.argv.end());
  for (const auto& [name, value] : command.environment)
    arguments.environment.push_back(name + '=' + value);
  return arguments;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// The path that an operation of the child was about; "" for those about none.
std::string path_of(const Failure& failure, const std::vector<Mount>& mounts,
                    const Prepared& prepared) {
  const auto index = static_cast<std::size_t>(failure.index);
  switch (failure.operation) {
    case Operation::open_target:
    case Operation::attach:
      return mounts.at(index).target;
    case Operation::hide:
      return prepared.hidden.at(index);
    case Operation::hide_in_proc:
      return prepared.hidden_in_proc.at(index);
    case Operation::make_read_only:
      return prepared.read_only.at(index);
    default:
      return {};
  }
}

[[noreturn]] void throw_failure(const Failure& failure, const std::string& path) {
  std::string deed = std::string("enter sandbox: ") + operation_name(failure.operation);
  if (!path.empty()) deed += ' ' + quoted(path);
  SysError error(failure.error_number, deed, ExitCode::host);
  switch (failure.operation) {
    case Operation::mount_proc:
      error.set_hint(
          "an outer container masks /proc: start it with '--security-opt "
          "systempaths=unconfined' (docker) or 'unmask=ALL' (podman)");
      break;
    case Operation::make_namespaces:
      error.set_hint("'gbox doctor' tells which namespace this host refuses, and why");
      break;
    default:
      break;
  }
  throw error;
}

sys::Fd receive_descriptor(int socket_fd) {
  char byte = 0;
  iovec vector = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) != 1) return sys::Fd();
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return sys::Fd();
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return sys::Fd(fd);
}

sys::Child clone_outer(const Prepared& prepared) {
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_PIDFD;
  // An own network for the outer side too: its sysfs is then one the step may see.
  if (prepared.network != Prepared::NetworkOf::host) args.flags |= CLONE_NEWNET;
  if (prepared.cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(prepared.cgroup_fd);
  }
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0)
    throw SysError(errno, "enter sandbox: make the outer namespaces", ExitCode::host)
        .set_hint("'gbox doctor' tells which namespace this host refuses, and why");
  if (pid == 0) run_outer(prepared);
  return {static_cast<pid_t>(pid), sys::Fd(pidfd)};
}

struct SocketPair {
  sys::Fd ours;
  sys::Fd theirs;
};

SocketPair socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw SysError(errno, "enter sandbox: make a socket pair");
  return {sys::Fd(ends[0]), sys::Fd(ends[1])};
}

// Handing over the listener must not wait for whoever gets it.
void require_hand_over(const Policy& policy, const Notifications& notifications) {
  constexpr std::string_view kCall = "sendmsg";
  if (decide(policy, kCall, {}).kind != Decision::Kind::allowed)
    throw Error("policy " + quoted(policy.name) + " does not allow " + quoted(kCall) +
                    ", by which a step's calls are handed to gbox",
                ExitCode::usage)
        .set_hint("add the group 'ipc', or leave out what watches calls ('--trace-policy')");
  if (notifications.calls.contains(std::string(kCall)))
    throw Error("internal error: 'sendmsg' cannot be notified");
}

Prepared::NetworkOf network_of(Network network) {
  switch (network) {
    case Network::none:
      break;
    case Network::fetch:
      return Prepared::NetworkOf::outer;
    case Network::host:
      return Prepared::NetworkOf::host;
  }
  return Prepared::NetworkOf::step;
}

}  // namespace

struct Sandbox::Launched {
  std::unique_ptr<Supervisor> supervisor;
  std::unique_ptr<UserNetwork> network;
  sys::Child outer;
};

// Fills in what both kinds of start share, clones, and waits until gbox-init runs.
Sandbox::Launched Sandbox::launch(Settings& settings, const Policy& policy, Prepared& prepared) {
  require_own_targets(settings.root.get());
  std::vector<Mount> mounts;
  const sys::Owners owners = sys::owners();
  if (owners == sys::Owners::recorded) emulate_ids(settings.notified);
  add_device_mounts(mounts, owners);
  prepared.bound_proc = sys::means().proc == sys::Proc::bound;
  if (prepared.bound_proc) mounts.push_back(host_proc());
  sys::Fd bound_sys;
  if (prepared.bound_proc && settings.network != Network::host) bound_sys = host_sys();
  prepared.host_sys_fd = bound_sys.get();
  if (settings.network == Network::host) {
    // sysfs of the host's network namespace cannot be mounted afresh: show it as it is.
    Mount sys_mount{sys::open_tree(AT_FDCWD, "/sys", sys::Recursive::yes), "/sys"};
    sys::mount_setattr(sys_mount.tree.get(), MOUNT_ATTR_RDONLY | kInert, sys::Recursive::yes);
    mounts.push_back(std::move(sys_mount));
  }
  const std::size_t own = mounts.size();
  std::move(settings.mounts.begin(), settings.mounts.end(), std::back_inserter(mounts));
  for (std::size_t i = 0; i < mounts.size(); ++i)
    prepared.attachments.push_back({mounts[i].tree.get(),
                                    sys::normalized_relative(mounts[i].target), i < own,
                                    mounts[i].kind == Mount::Kind::file});

  prepared.root_fd = settings.root.get();
  prepared.uid_map = sys::id_map_text(sys::nested_identity(sys::current_uid_map()));
  prepared.gid_map = sys::id_map_text(sys::nested_identity(sys::current_gid_map()));
  prepared.single_id = owners == sys::Owners::recorded;
  prepared.host_name = settings.host_name;
  prepared.network = network_of(settings.network);
  Notifications notifications = notifications_of(settings.notified);
  if (prepared.single_id)
    for (const char* call : {"open", "openat"})
      notifications.only_with.emplace(call, creating_open(call));
  prepared.seccomp = seccomp_program(policy, notifications);
  prepare_capabilities(prepared, policy, settings.command.uid);
  prepare_places(prepared, policy);
  prepared.cgroup_fd = settings.cgroup_fd;
  prepared.max_processes = settings.limits.processes;
  prepared.max_file_bytes = settings.limits.file_bytes;
  prepared.uid = settings.command.uid;
  prepared.gid = settings.command.gid;
  prepared.groups.assign(settings.command.groups.begin(), settings.command.groups.end());
  const sys::Fd init = init_memory();
  prepared.init_fd = init.get();
  Arguments arguments = arguments_of(settings.command);
  prepared.argv = pointers(arguments.argv);
  prepared.environment = pointers(arguments.environment);

  SocketPair listener;
  if (notifications.any()) {
    require_hand_over(policy, notifications);
    listener = socket_pair();
    prepared.listener_socket = listener.theirs.get();
  }
  sys::Pipe failure = sys::pipe();
  prepared.failure_fd = failure.write.get();
  prepared.kept_by_outer = {
      prepared.root_fd,         prepared.init_fd,         prepared.stdio[0],
      prepared.stdio[1],        prepared.stdio[2],        prepared.failure_fd,
      prepared.terminal_socket, prepared.listener_socket, prepared.host_sys_fd};
  for (const Attachment& a : prepared.attachments) prepared.kept_by_outer.push_back(a.tree_fd);
  sys::Pipe connected;
  if (settings.network == Network::fetch) {
    connected = sys::pipe();
    prepared.network_fd = connected.read.get();
    prepared.kept_by_outer.push_back(prepared.network_fd);
  }
  std::erase(prepared.kept_by_outer, -1);
  std::sort(prepared.kept_by_outer.begin(), prepared.kept_by_outer.end());
  const auto last = std::unique(prepared.kept_by_outer.begin(), prepared.kept_by_outer.end());
  prepared.kept_by_outer.erase(last, prepared.kept_by_outer.end());

  Launched launched{nullptr, nullptr, clone_outer(prepared)};
  failure.write.reset();
  if (settings.network == Network::fetch) {
    const std::string netns = "/proc/" + std::to_string(launched.outer.pid()) + "/ns/net";
    launched.network = std::make_unique<UserNetwork>(sys::open(netns, O_RDONLY).get());
    connected.read.reset();
    sys::write_all(connected.write.get(), "1", "the sandbox");
  }
  if (listener.ours) {
    // Before the failure's pipe is read: what comes until gbox-init runs may already be notified.
    // Without a descriptor the start has failed, and the pipe says why.
    listener.theirs.reset();
    if (sys::Fd fd = receive_descriptor(listener.ours.get()))
      launched.supervisor =
          std::make_unique<Supervisor>(std::move(fd), policy, std::move(settings.notified));
  }
  Failure report{};
  // End of file without a report: gbox-init was executed and closed its copy.
  if (sys::read_full(failure.read.get(), std::as_writable_bytes(std::span(&report, 1)),
                     "the sandbox's report") == sizeof report)
    throw_failure(report, path_of(report, mounts, prepared));
  return launched;
}

Mount bind_mount(int dirfd, const std::string& source, std::string target, Access access) {
  return with_context("bind " + quoted(source) + " on " + quoted(target), [&] {
    const struct stat status = sys::fstatat(dirfd, source, AT_SYMLINK_NOFOLLOW);
    if (S_ISLNK(status.st_mode))
      throw Error("it is a symbolic link", ExitCode::input).set_hint("name what it points to");
    // With what is mounted below it: mounts of the host are locked together in here, and the
    // kernel refuses a copy that would uncover what they hide.
    Mount mount{sys::open_tree(dirfd, source, sys::Recursive::yes), std::move(target),
                S_ISDIR(status.st_mode) ? Mount::Kind::directory : Mount::Kind::file};
    sys::mount_setattr(mount.tree.get(),
                       kInert | (access == Access::read_only ? MOUNT_ATTR_RDONLY : 0),
                       sys::Recursive::yes);
    return mount;
  });
}

Mount tmpfs_mount(std::string target, const std::string& size, const std::string& mode) {
  std::vector<sys::MountOption> options = {{"mode", mode}};
  if (!size.empty()) options.push_back({"size", size});
  return {sys::new_mount("tmpfs", options, kInert), std::move(target)};
}

Sandbox Sandbox::start(Settings settings, const Policy& policy, const Pipes& pipes) {
  Prepared prepared;
  const sys::Fd null = sys::open("/dev/null", O_RDWR);
  prepared.stdio[0] = pipes.stdin_fd >= 0 ? pipes.stdin_fd : null.get();
  prepared.stdio[1] = pipes.stdout_fd >= 0 ? pipes.stdout_fd : null.get();
  prepared.stdio[2] = pipes.stderr_fd >= 0 ? pipes.stderr_fd : null.get();
  return {launch(settings, policy, prepared), sys::Fd()};
}

Sandbox Sandbox::start(Settings settings, const Policy& policy, const Terminal& terminal) {
  SocketPair sockets = socket_pair();
  Prepared prepared;
  prepared.terminal_socket = sockets.theirs.get();
  prepared.rows = terminal.rows;
  prepared.columns = terminal.columns;
  Launched launched = launch(settings, policy, prepared);
  sockets.theirs.reset();
  sys::Fd master = receive_descriptor(sockets.ours.get());
  if (!master) throw Error("enter sandbox: the terminal did not arrive", ExitCode::host);
  return {std::move(launched), std::move(master)};
}

Sandbox::Sandbox(Launched launched, sys::Fd terminal)
    : supervisor_(std::move(launched.supervisor)),
      network_(std::move(launched.network)),
      outer_(std::move(launched.outer)),
      terminal_(std::move(terminal)) {}
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&&) noexcept = default;
Sandbox::~Sandbox() = default;

void Sandbox::kill() noexcept {
  outer_.kill(SIGKILL);
}

sys::ExitStatus Sandbox::wait() {
  const sys::ExitStatus status = outer_.wait();
  if (supervisor_) supervisor_->finish();
  return status;
}

}  // namespace gbox::sandbox
