// What a host says about itself, as text: the material that explains why a probe failed. Reading
// it decides nothing; rules over it are pure (probe_rules.h), so that each refusal met in the wild
// is a row of a test. Called by the probes only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::sys {

// What this process runs in, as far as it can be told; decides whose start line a remedy names.
enum class Surroundings { plain, docker, podman, kubernetes, gitlab };

// newuidmap or newgidmap.
struct IdHelper {
  std::string name;
  std::string path;         // "" when not in PATH
  bool privileged = false;  // set-user-id root or a file capability
  bool nosuid = false;      // on a file system mounted nosuid
};

struct HostFacts {
  uid_t uid = 0;
  std::string user_name;  // "" when the uid has no passwd entry
  std::string path_variable;
  std::vector<IdHelper> helpers;
  std::string subuid;  // texts of files; "" when missing
  std::string subgid;
  std::string self_status;
  std::string mountinfo;
  std::string proc_version;
  std::string os_release;
  std::string kernel_release;
  std::string selinux_label;
  std::string program;  // path of this executable
  // Switches; nullopt where the kernel has none.
  std::optional<std::string> max_user_namespaces;
  std::optional<std::string> unprivileged_userns_clone;
  std::optional<std::string> apparmor_restrict_userns;
  std::optional<std::string> selinux_enforce;
  Surroundings surroundings = Surroundings::plain;
};

// Of the running process and its machine. Unreadable files count as missing.
HostFacts read_host_facts();

// One line of /proc/PID/mountinfo (proc(5)), with octal escapes undone.
struct MountEntry {
  std::string point;
  std::string options;
  std::string type;
  std::string source;
  std::string super_options;
};
std::vector<MountEntry> parse_mountinfo(std::string_view text);
// The mount that holds an absolute path without links; nullptr when none does (in a chroot).
const MountEntry* mount_of(const std::vector<MountEntry>& mounts, std::string_view path);
// Whether a comma-separated option list holds `option`.
bool has_option(std::string_view options, std::string_view option);

// The value of "Name:\tvalue" in a /proc/PID/status text; "" when absent.
std::string status_field(std::string_view status, std::string_view name);

}  // namespace gbox::sys
