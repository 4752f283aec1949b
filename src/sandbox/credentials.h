// The ids a process has where the kernel has one id for all: what set*id(2) and setgroups(2) would
// have made of them, and where that is kept. See credentials(7).
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

namespace gbox::sandbox {

inline constexpr std::uint32_t kUnchanged = UINT32_MAX;  // -1 of the calls

struct IdSet {
  std::uint32_t real = 0;
  std::uint32_t effective = 0;
  std::uint32_t saved = 0;
  std::uint32_t file_system = 0;
  auto operator<=>(const IdSet&) const = default;
};

struct Credentials {
  IdSet user;
  IdSet group;
  std::vector<std::uint32_t> groups;
  // The program (its start address of the stack, which exec changes) that asked to keep its
  // capabilities when it gives up id 0; 0: none did.
  std::uint64_t keeping = 0;
  auto operator<=>(const Credentials&) const = default;
};

enum class Privileged { no, yes };  // over ids of this kind: CAP_SETUID, CAP_SETGID

// Each returns 0 or the errno of the call, with `ids` as they were.
int set_id(IdSet& ids, Privileged privileged, std::uint32_t id);  // setuid(2)
int set_real_effective(IdSet& ids, Privileged privileged, std::uint32_t real,
                       std::uint32_t effective);  // setreuid(2)
int set_real_effective_saved(IdSet& ids, Privileged privileged, std::uint32_t real,
                             std::uint32_t effective, std::uint32_t saved);  // setresuid(2)
void set_file_system(IdSet& ids, Privileged privileged, std::uint32_t id);   // setfsuid(2)

// What the processes of one sandbox have. It must be inherited by children, survive exec and belong
// to a whole process, and who forked whom cannot be told afterwards: so the kernel keeps it, as a
// number in a resource limit that it inherits in just that way and that has meant nothing since
// Linux 2.4.25 (RLIMIT_LOCKS, shown by 'ulimit -x'). A process that sets the limit itself changes
// what it is told of its own ids, and nothing else.
class CredentialTable {
 public:
  // All 0, and no groups, for who never changed them.
  [[nodiscard]] const Credentials& of(pid_t pid) const;
  // 0 or an errno.
  int set(pid_t pid, Credentials credentials);

 private:
  std::map<Credentials, std::uint64_t> numbers_;
  std::vector<const Credentials*> by_number_;  // the keys of the map
  Credentials root_;
};

}  // namespace gbox::sandbox
