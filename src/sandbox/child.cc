#include "child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "child_root.h"

namespace gbox::sandbox {

namespace {

void close_others(const Prepared& p) noexcept {
  unsigned next = 0;
  for (const int fd : p.kept_by_outer) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next && ::close_range(next, kept - 1, 0) != 0) fail(p, Operation::close_descriptors);
    next = kept + 1;
  }
  if (::close_range(next, ~0u, 0) != 0) fail(p, Operation::close_descriptors);
}

void write_map(const Prepared& p, int proc_fd, pid_t pid, const char* name,
               const std::string& text) noexcept {
  char path[64];
  (void)std::snprintf(path, sizeof path, "%d/%s", static_cast<int>(pid), name);  // fits
  const int fd = ::openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail(p, Operation::write_id_map);
  // One write: the kernel takes a map whole or not at all.
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    fail(p, Operation::write_id_map);
  (void)::close(fd);
}

// The number that a process has in the pid namespace of the proc mount `proc_fd`; 0: not known.
pid_t number_in(int proc_fd, int pidfd) noexcept {
  char path[64];
  (void)std::snprintf(path, sizeof path, "self/fdinfo/%d", pidfd);  // fits
  const int fd = ::openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[512];
  const ssize_t size = ::read(fd, text, sizeof text - 1);
  (void)::close(fd);
  if (size <= 0) return 0;
  text[size] = 0;
  const char* line = std::strstr(text, "\nPid:");
  pid_t number = 0;
  if (line != nullptr)
    for (line += 5; *line == '\t' || *line == ' ' || (*line >= '0' && *line <= '9'); ++line)
      if (*line >= '0' && *line <= '9') number = number * 10 + (*line - '0');
  return number;
}

void bring_up_loopback(const Prepared& p) noexcept {
  const int socket_fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (socket_fd < 0 || ::ioctl(socket_fd, SIOCSIFFLAGS, &request) != 0)
    fail(p, Operation::bring_up_loopback);
  (void)::close(socket_fd);
}

bool send_descriptor(int socket_fd, int fd) noexcept {
  char byte = 0;
  iovec vector = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(socket_fd, &message, MSG_NOSIGNAL) == 1;
}

// A terminal of the sandbox's own devpts: the caller's never enters (CVE-2017-5226).
int open_terminal(const Prepared& p) noexcept {
  const int master = ::open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  int unlocked = 0;
  if (master < 0 || ::ioctl(master, TIOCSPTLCK, &unlocked) != 0) fail(p, Operation::open_terminal);
  const int slave = ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  winsize size{};
  size.ws_row = p.rows;
  size.ws_col = p.columns;
  if (slave < 0 || ::ioctl(slave, TIOCSWINSZ, &size) != 0 || ::ioctl(slave, TIOCSCTTY, 0) != 0)
    fail(p, Operation::open_terminal);
  if (!send_descriptor(p.terminal_socket, master)) fail(p, Operation::send_terminal);
  (void)::close(master);
  return slave;
}

void set_standard_descriptors(const Prepared& p) noexcept {
  int source[3] = {p.stdio[0], p.stdio[1], p.stdio[2]};
  if (p.terminal_socket >= 0) source[0] = source[1] = source[2] = open_terminal(p);
  // First out of the way of 0…2, so that no dup2 overwrites a source still needed.
  for (int& fd : source) {
    fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) fail(p, Operation::standard_descriptors);
  }
  for (int i = 0; i < 3; ++i)
    if (::dup2(source[i], i) < 0) fail(p, Operation::standard_descriptors);
  if (::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0) fail(p, Operation::close_descriptors);
}

void install_filter(const Prepared& p) noexcept {
  const sock_fprog program = {static_cast<unsigned short>(p.seccomp.size()),
                              const_cast<sock_filter*>(p.seccomp.data())};
  if (p.listener_socket < 0) {
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
      fail(p, Operation::install_seccomp);
    return;
  }
  // Only what kills ends a call that gbox is looking at: an emulated call that a signal restarts
  // would be done twice. Kernels before Linux 5.19 do not know the flag.
  constexpr unsigned kOnlyKillable = 1u << 5;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
  long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER | kOnlyKillable, &program);
  if (listener < 0 && errno == EINVAL)
    listener =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) fail(p, Operation::install_seccomp);
  // From here on calls may wait for gbox, which serves as soon as it has this: so nothing but
  // sendmsg, which is never notified, comes before.
  if (!send_descriptor(p.listener_socket, static_cast<int>(listener)))
    fail(p, Operation::send_listener);
  (void)::close(static_cast<int>(listener));
}

// The user that the command runs as, where the policy leaves nobody inside the right to change it.
// Past the bounding set, which only a privileged process can shrink.
void become(const Prepared& p) noexcept {
  if (::syscall(SYS_setgroups, p.groups.size(), p.groups.data()) != 0 ||
      ::syscall(SYS_setresgid, p.gid, p.gid, p.gid) != 0 ||
      ::syscall(SYS_setresuid, p.uid, p.uid, p.uid) != 0)
    fail(p, Operation::set_groups);
}

void limit_resource(const Prepared& p, decltype(RLIMIT_CORE) resource, rlim_t most) noexcept {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) fail(p, Operation::limit_resources);
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > most) limit.rlim_max = most;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(resource, &limit) != 0) fail(p, Operation::limit_resources);
}

void limit_resources(const Prepared& p) noexcept {
  // One byte: no core file is that small, and it is the one value for which the kernel does not
  // start the host's core handler either, which would read what a step made up.
  limit_resource(p, RLIMIT_CORE, 1);
  for (const ResourceLimit& limit : p.resources)
    limit_resource(p, static_cast<decltype(RLIMIT_CORE)>(limit.resource), limit.most);
  if (p.max_processes != 0) limit_resource(p, RLIMIT_NPROC, p.max_processes);
  if (p.max_file_bytes != 0) limit_resource(p, RLIMIT_FSIZE, p.max_file_bytes);
}

void confine(const Prepared& p) noexcept {
  // While CAP_SYS_ADMIN is still there, whatever the policy leaves: without no_new_privs, so that
  // the image's own setuid programs work.
  install_filter(p);
  for (const int capability : p.dropped_capabilities)
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) fail(p, Operation::limit_capabilities);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {p.capabilities[0], p.capabilities[1]};
  if (p.become_here) become(p);
  // Who changes his id in truth loses them by that.
  if (!p.become_here || p.uid == 0 || p.single_id)
    if (::syscall(SYS_capset, &header, data) != 0) fail(p, Operation::limit_capabilities);
  if (p.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    fail(p, Operation::limit_capabilities);
}

// Ignored and blocked signals survive exec: a step that ignores SIGPIPE because gbox does would
// behave differently, and without SIGCHLD nobody could wait. gbox's handlers must not run here.
void reset_signals() noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    (void)::sigaction(number, &standard, nullptr);  // SIGKILL, SIGSTOP: cannot be set or ignored
  sigset_t none;
  (void)::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void run_inner(const Prepared& p, int go_fd) noexcept {
  // If the outer process dies before this, its pid namespace and we with it are gone anyway.
  char byte = 0;
  if (::read(go_fd, &byte, 1) != 1) ::_exit(126);
  // A namespace that maps its maker's group alone has none to drop, nor the call to do so.
  if ((!p.single_id && ::syscall(SYS_setgroups, 0, nullptr) != 0) ||
      ::syscall(SYS_setresgid, 0, 0, 0) != 0 || ::syscall(SYS_setresuid, 0, 0, 0) != 0)
    fail(p, Operation::set_groups);
  if (!p.bound_proc) {
    mount_inner_proc(p);
    hide(p, p.hidden_in_proc, Operation::hide_in_proc);
  }
  if (::sethostname(p.host_name.data(), p.host_name.size()) != 0) fail(p, Operation::set_host_name);
  if (p.network == Prepared::NetworkOf::step) bring_up_loopback(p);
  (void)::umask(022);
  if (::setsid() < 0) fail(p, Operation::open_terminal);
  set_standard_descriptors(p);
  limit_resources(p);
  confine(p);
  (void)::syscall(SYS_execveat, p.init_fd, "", p.argv.data(), p.environment.data(), AT_EMPTY_PATH);
  fail(p, Operation::execute_init);
}

pid_t clone_inner(const Prepared& p, int& pidfd) noexcept {
  clone_args args{};
  args.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
               CLONE_NEWCGROUP | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  if (p.network == Prepared::NetworkOf::step) args.flags |= CLONE_NEWNET;
  args.exit_signal = SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

}  // namespace

const char* operation_name(Operation operation) {
  switch (operation) {
    case Operation::die_with_parent:
      return "tie its life to gbox's";
    case Operation::attach_root:
      return "attach the root file system";
    case Operation::open_target:
      return "find mount point";
    case Operation::attach:
      return "mount on";
    case Operation::mount_proc:
      return "mount '/proc'";
    case Operation::mount_sys:
      return "mount '/sys'";
    case Operation::pivot:
      return "change the root";
    case Operation::make_namespaces:
      return "make the step's namespaces";
    case Operation::write_id_map:
      return "map the step's ids";
    case Operation::set_groups:
      return "drop groups";
    case Operation::set_host_name:
      return "set the host name";
    case Operation::bring_up_loopback:
      return "bring up loopback";
    case Operation::connect_network:
      return "wait for the network";
    case Operation::open_terminal:
      return "make a terminal";
    case Operation::send_terminal:
      return "hand over the terminal";
    case Operation::standard_descriptors:
      return "set standard input and output";
    case Operation::close_descriptors:
      return "close descriptors";
    case Operation::install_seccomp:
      return "install the seccomp filter";
    case Operation::send_listener:
      return "hand over the seccomp listener";
    case Operation::limit_capabilities:
      return "limit capabilities";
    case Operation::limit_resources:
      return "limit resources";
    case Operation::hide:
    case Operation::hide_in_proc:
      return "hide";
    case Operation::make_read_only:
      return "make read-only";
    case Operation::execute_init:
      return "execute gbox-init";
  }
  return "set up";
}

void run_outer(const Prepared& p) noexcept {
  reset_signals();
  // Its own session, so that Ctrl-C at the terminal reaches gbox alone, which then decides.
  if (::setsid() < 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    fail(p, Operation::die_with_parent);
  close_others(p);
  // A parent that died before the line above: PID 1 of a new namespace sees every parent as 0, so
  // the failure pipe must tell, whose only reader is the parent.
  pollfd reader = {p.failure_fd, 0, 0};
  if (::poll(&reader, 1, 0) != 0) ::_exit(126);
  // On top of the old root, found again by name: descriptors of the parent lead to the parent's
  // mount namespace, where nothing can be attached from here.
  const int old_root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int host_proc = p.bound_proc ? ::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  if (old_root < 0 || attach_to(p.root_fd, old_root) != 0) fail(p, Operation::attach_root);
  // Where none can be mounted afresh, maps are written through the host's own, writable one, which
  // is not the read-only copy that the step sees.
  const int proc_fd = p.bound_proc ? host_proc : mount_outer_proc(p);
  mount_sys(p);
  attach_all(p);
  pivot(p);
  hide(p, p.hidden, Operation::hide);
  if (p.bound_proc) hide(p, p.hidden_in_proc, Operation::hide_in_proc);
  make_read_only(p);
  // The step gets this network as it is and has no power over it: it belongs to this process's user
  // namespace, not to the step's.
  if (p.network == Prepared::NetworkOf::outer) bring_up_loopback(p);
  char byte = 0;
  if (p.network_fd >= 0 && ::read(p.network_fd, &byte, 1) != 1) fail(p, Operation::connect_network);
  int go[2];
  if (::pipe2(go, O_CLOEXEC) != 0) fail(p, Operation::make_namespaces);
  int inner_fd = -1;
  const pid_t inner = clone_inner(p, inner_fd);
  if (inner < 0) fail(p, Operation::make_namespaces);
  if (inner == 0) {
    (void)::close(go[1]);
    run_inner(p, go[0]);
  }
  const pid_t shown = p.bound_proc ? number_in(proc_fd, inner_fd) : inner;
  write_map(p, proc_fd, shown, "uid_map", p.uid_map);
  write_map(p, proc_fd, shown, "gid_map", p.gid_map);
  (void)!::write(go[1], "1", 1);  // if it is dead, waiting below says so
  // Nothing stays open: end of file on the step's pipes must mean that the step is done.
  (void)::close_range(0, ~0u, 0);
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) ::_exit(126);
    if (ended == inner) ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
}

}  // namespace gbox::sandbox
