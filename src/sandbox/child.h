// What happens between clone and exec: prebuilt data in, system calls only, no allocation, no
// exception, no logging. A failure is written to a pipe as {operation, index, errno} and read by
// the parent, which has the words.
#pragma once

#include <linux/filter.h>
#include <sys/capability.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gbox::sandbox {

enum class Operation : std::int32_t {
  die_with_parent,
  attach_root,
  open_target,
  attach,
  mount_proc,
  mount_sys,
  pivot,
  make_namespaces,
  write_id_map,
  set_groups,
  set_host_name,
  bring_up_loopback,
  connect_network,
  open_terminal,
  send_terminal,
  standard_descriptors,
  close_descriptors,
  install_seccomp,
  send_listener,
  limit_capabilities,
  limit_resources,
  hide,
  hide_in_proc,
  make_read_only,
  execute_init,
};
const char* operation_name(Operation operation);

struct Failure {
  Operation operation;
  std::int32_t index;  // which mount, or which path of the policy
  std::int32_t error_number;
};

struct Attachment {
  int tree_fd;
  std::string target;  // relative to the root, normalized
  bool own = false;    // gbox's own: no link may be on the way
  bool file = false;
};

struct ResourceLimit {
  int resource;
  std::uint64_t most;
};

// Everything the two processes need, made by the parent; they only read it.
struct Prepared {
  int root_fd = -1;
  std::vector<Attachment> attachments;
  std::string uid_map;
  std::string gid_map;
  bool single_id = false;  // one id is mapped: the others are emulated
  std::string host_name;
  enum class NetworkOf { step, outer, host } network = NetworkOf::step;
  int network_fd = -1;  // ≥ 0: the outer process waits there until its network is connected
  // The host's proc is among the attachments, as none can be mounted afresh.
  bool bound_proc = false;
  // A copy of the host's sysfs, for where none can be mounted afresh; -1: none.
  int host_sys_fd = -1;
  std::vector<sock_filter> seccomp;
  std::vector<int> dropped_capabilities;  // of the bounding set
  __user_cap_data_struct capabilities[2]{};
  bool no_new_privileges = false;
  int cgroup_fd = -1;
  // Of the policy: absolute paths of the step's root, and what setrlimit(2) takes.
  std::vector<std::string> hidden;
  std::vector<std::string> hidden_in_proc;  // of the proc that the inner process mounts
  std::vector<std::string> read_only;
  std::vector<ResourceLimit> resources;
  std::uint64_t max_processes = 0;  // 0: as it is
  std::uint64_t max_file_bytes = 0;
  bool become_here = false;  // gbox-init will not have the capabilities for it
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<gid_t> groups;
  int init_fd = -1;
  std::vector<char*> argv;         // null-terminated
  std::vector<char*> environment;  // null-terminated
  int stdio[3] = {-1, -1, -1};
  int listener_socket = -1;  // ≥ 0: send the seccomp filter's listener here
  int terminal_socket = -1;  // ≥ 0: make a terminal, send its master here
  unsigned short rows = 0;
  unsigned short columns = 0;
  int failure_fd = -1;
  std::vector<int> kept_by_outer;  // sorted; the outer process closes all others
  pid_t parent = -1;
};

// The outer process, after clone3: returns never.
[[noreturn]] void run_outer(const Prepared& prepared) noexcept;

}  // namespace gbox::sandbox
