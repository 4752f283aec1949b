#include "filter.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "bpf.h"

using namespace gbox;
using namespace gbox::sandbox;
using gbox::tests::answer;
using gbox::tests::Call;

namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;

struct Architecture {
  const char* name;
  std::uint32_t scmp;   // libseccomp's name for it
  std::uint32_t audit;  // the kernel's: x32 is x86-64 with a bit in the number
};
const Architecture kArchitectures[] = {
    {"x86-64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
    {"i386", SCMP_ARCH_X86, AUDIT_ARCH_I386},
    {"x32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64},
};

// The tables here hold x86-64's numbers and relatives.
bool on_x86_64() {
  return seccomp_arch_native() == SCMP_ARCH_X86_64;
}

// The names and numbers libseccomp has for an architecture.
std::vector<std::pair<std::string, std::uint32_t>> all_calls(const Architecture& architecture) {
  std::vector<std::pair<std::string, std::uint32_t>> calls;
  const std::uint32_t base = architecture.scmp == SCMP_ARCH_X32 ? kX32Bit : 0;
  for (std::uint32_t number = base; number < base + 1024; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(architecture.scmp, static_cast<int>(number));
    if (name == nullptr) continue;
    calls.emplace_back(name, number);
    std::free(name);
  }
  return calls;
}

// As the kernel numbers it: by name libseccomp gives placeholders for i386's socket calls.
std::uint32_t number_of(const std::string& name, const Architecture& architecture) {
  for (const auto& [call, number] : all_calls(architecture))
    if (call == name) return number;
  FAIL("no such call: " << name);
  return 0;
}

std::string ask(const std::vector<std::vector<sock_filter>>& programs,
                const Architecture& architecture, const std::string& name,
                std::array<std::uint64_t, 6> arguments = {}) {
  return answer(programs, {architecture.audit, number_of(name, architecture), arguments});
}

std::vector<Program> programs_of(const Policy& policy) {
  return {seccomp_program(policy)};
}

// Neither allowed nor refused: answered as a kernel without them does. Each line has its reason.
const std::set<std::string> kLeftOut = {
    // Gone from the kernel, or never there.
    "_sysctl",
    "afs_syscall",
    "break",
    "create_module",
    "ftime",
    "get_kernel_syms",
    "getpmsg",
    "gtty",
    "idle",
    "lock",
    "mpx",
    "nfsservctl",
    "prof",
    "profil",
    "putpmsg",
    "query_module",
    "security",
    "stty",
    "sysfs",
    "tuxcall",
    "ulimit",
    "uselib",
    "vserver",
    // DOS emulation of i386.
    "vm86",
    "vm86old",
    // Newer than the policies: programs that know them have a fallback.
    "statmount",
    "listmount",
    "listns",
    "lsm_get_self_attr",
    "lsm_set_self_attr",
    "lsm_list_modules",
    "mseal",
    "setxattrat",
    "getxattrat",
    "listxattrat",
    "removexattrat",
    "open_tree_attr",
    "file_getattr",
    "file_setattr",
    "uretprobe",
    "uprobe",
    "rseq_slice_yield",
};

std::map<std::string, std::string> refused_always(const Policy& policy) {
  std::map<std::string, std::string> errors;
  for (const Refusal& refusal : policy.refusals)
    if (refusal.argument < 0)
      for (const std::string& call : refusal.calls)
        errors.emplace(call, strerrorname_np(refusal.error_number));
  return errors;
}

}  // namespace

TEST_CASE("every call of every architecture is answered as the policy says") {
  if (!on_x86_64()) return;
  for (const std::string& name : policy_names()) {
    const Policy policy = load_policy(name);
    const auto programs = programs_of(policy);
    const std::set<std::string> allowed(policy.allowed_calls.begin(), policy.allowed_calls.end());
    const auto refused = refused_always(policy);
    for (const Architecture& architecture : kArchitectures)
      for (const auto& [call, number] : all_calls(architecture)) {
        CAPTURE(name);
        CAPTURE(architecture.name);
        CAPTURE(call);
        const std::string expected = refused.contains(call)   ? refused.at(call)
                                     : allowed.contains(call) ? "allow"
                                                              : "ENOSYS";
        // What no arguments at all are refused for is in tables of their own.
        if (decide(policy, call, {}).kind == Decision::Kind::refused && !refused.contains(call))
          continue;
        if (answer(programs, {architecture.audit, number}) != expected)
          CHECK(answer(programs, {architecture.audit, number}) == expected);
      }
  }
}

TEST_CASE("no call that libseccomp knows was forgotten: allowed, refused or left out by name") {
  if (!on_x86_64()) return;
  for (const std::string& name : policy_names()) {
    const Policy policy = load_policy(name);
    std::set<std::string> known;
    for (const auto& [call, error] : refused_always(policy)) known.insert(call);
    known.insert(policy.allowed_calls.begin(), policy.allowed_calls.end());
    for (const Architecture& architecture : kArchitectures)
      for (const auto& [call, number] : all_calls(architecture)) {
        CAPTURE(name);
        CAPTURE(call);
        if (!known.contains(call) && !kLeftOut.contains(call)) FAIL_CHECK("a forgotten call");
        if (known.contains(call) && kLeftOut.contains(call)) FAIL_CHECK("left out and named");
      }
  }
}

TEST_CASE("calls refused by an argument are refused by its low 32 bits, and only then") {
  if (!on_x86_64()) return;
  struct Row {
    const char* call;
    std::array<std::uint64_t, 6> arguments;
    const char* expected;
  };
  const Row rows[] = {
      {"ioctl", {0, 0x5401}, "allow"},            // TCGETS
      {"ioctl", {0, 0x5412}, "EPERM"},            // TIOCSTI
      {"ioctl", {0, 0x541c}, "EPERM"},            // TIOCLINUX
      {"ioctl", {0, 0x5413}, "allow"},            // TIOCGWINSZ, its neighbour
      {"ioctl", {0x5412, 0}, "allow"},            // another argument
      {"ioctl", {0, 0x0001'0000'5412}, "EPERM"},  // a high bit: the kernel drops it
      {"ioctl", {0, 0xffff'ffff'0000'5412}, "EPERM"},
      {"ioctl", {0, 0x8000'0000'0000'541c}, "EPERM"},
      {"ioctl", {0, 0x5412'0000'0000}, "allow"},  // high half only
      {"socket", {2, 1}, "allow"},                // AF_INET
      {"socket", {16, 3}, "allow"},               // AF_NETLINK
      {"socket", {40, 1}, "EPERM"},               // AF_VSOCK
      {"socket", {0x7'0000'0028, 1}, "EPERM"},
      {"socket", {1, 40}, "allow"},
      {"socket", {38, 5}, "EPERM"},  // AF_ALG
      {"personality", {0}, "allow"},
      {"personality", {8}, "allow"},
      {"personality", {0x20000}, "allow"},
      {"personality", {0x20008}, "allow"},
      {"personality", {0x40000}, "allow"},     // setarch -R
      {"personality", {0xffffffff}, "allow"},  // asks only
      {"personality", {0xffff'ffff'ffff'ffff}, "allow"},
      {"personality", {1}, "EPERM"},
      {"personality", {0x60000}, "EPERM"},
      {"personality", {0x400000}, "EPERM"},  // READ_IMPLIES_EXEC
      {"keyctl", {}, "ENOSYS"},
      {"add_key", {}, "EPERM"},
      {"io_uring_setup", {}, "ENOSYS"},
      {"perf_event_open", {}, "EPERM"},
      {"userfaultfd", {}, "EPERM"},
      {"open_by_handle_at", {}, "EPERM"},
      {"quotactl", {}, "EPERM"},
  };
  for (const std::string& name : policy_names()) {
    const auto programs = programs_of(load_policy(name));
    for (const Architecture& architecture : kArchitectures)
      for (const Row& row : rows) {
        CAPTURE(name);
        CAPTURE(architecture.name);
        CAPTURE(row.call);
        CAPTURE(row.arguments[0]);
        CAPTURE(row.arguments[1]);
        CHECK(ask(programs, architecture, row.call, row.arguments) == row.expected);
      }
  }
}

TEST_CASE("'strict' and 'fetch' leave no way to a namespace or another process' memory") {
  if (!on_x86_64()) return;
  for (const char* name : {"strict", "fetch"}) {
    const auto programs = programs_of(load_policy(name));
    for (const Architecture& architecture : kArchitectures) {
      CAPTURE(name);
      CAPTURE(architecture.name);
      for (const char* call : {"unshare", "setns", "mount", "umount2", "pivot_root", "chroot",
                               "open_tree", "fsopen", "ptrace", "process_vm_readv", "kcmp"})
        CHECK(ask(programs, architecture, call) == "EPERM");
      CHECK(ask(programs, architecture, "clone", {0x11}) == "allow");
      CHECK(ask(programs, architecture, "clone", {0x3d0f00}) == "allow");  // a thread
      for (const std::uint64_t flag :
           {0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000})
        CHECK(ask(programs, architecture, "clone", {flag | 0x11}) == "EPERM");
      CHECK(ask(programs, architecture, "clone3") == "ENOSYS");
      CHECK(ask(programs, architecture, "socket", {16}) == "allow");
      CHECK(ask(programs, architecture, "socket", {17}) == "EPERM");  // AF_PACKET
    }
  }
  CHECK(ask(programs_of(load_policy("emerge")), kArchitectures[0], "clone3") == "allow");
  CHECK(ask(programs_of(load_policy("emerge")), kArchitectures[0], "clone", {0x10000000}) ==
        "allow");
}

TEST_CASE("a call of 32-bit programs that carries others in memory cannot bypass a refusal") {
  if (!on_x86_64()) return;
  // socketcall(SYS_SOCKET, …): the family lies in memory, where no filter sees it. The C libraries
  // call socket itself first, so refusing this one costs no program.
  for (const std::string& name : policy_names()) {
    const auto programs = programs_of(load_policy(name));
    const Architecture& i386 = kArchitectures[1];
    CHECK(ask(programs, i386, "socketcall", {1}) == "EPERM");
    CHECK(ask(programs, i386, "socketcall", {3}) == "allow");  // connect
    CHECK(ask(programs, i386, "ipc", {23}) == "allow");        // shmget
  }
}

TEST_CASE("unknown numbers and architectures are ENOSYS, never a signal") {
  if (!on_x86_64()) return;
  const auto programs = programs_of(load_policy("emerge"));
  for (const Architecture& architecture : kArchitectures)
    for (const std::uint32_t number :
         {1023u, 9999u, 0x3fffffffu, 0x7fffffffu, 0xffffffffu, kX32Bit + 9999, kX32Bit - 1}) {
      CAPTURE(architecture.name);
      CAPTURE(number);
      CHECK(answer(programs, {architecture.audit, number}) == "ENOSYS");
    }
  constexpr std::uint32_t kForeign[] = {AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64LE, 0};
  for (const std::uint32_t audit : kForeign)
    for (std::uint32_t number = 0; number < 500; number += 7)
      CHECK(answer(programs, {audit, number}) == "ENOSYS");
}

TEST_CASE("every way to compare an argument is followed, and decide() says the same") {
  if (!on_x86_64()) return;
  Policy policy;
  policy.name = "test";
  policy.allowed_calls = {"personality", "clone", "ioctl", "read", "keyctl"};
  Refusal other{{"personality"}, 0, Refusal::Match::other_than, {0, 8, 0xffffffff}, EPERM, ""};
  Refusal bits{{"clone"}, 0, Refusal::Match::any_bit, {0x10000000, 0x40}, EPERM, ""};
  Refusal first{{"ioctl"}, 1, Refusal::Match::among, {1, 2}, EACCES, ""};
  Refusal second{{"ioctl"}, 2, Refusal::Match::among, {3}, EPERM, ""};
  Refusal plain{{"keyctl", "add_key"}, -1, Refusal::Match::among, {}, ENOSYS, ""};
  policy.refusals = {other, bits, first, second, plain};
  struct Row {
    const char* call;
    std::array<std::uint64_t, 6> arguments;
    const char* expected;
  };
  const Row rows[] = {
      {"personality", {0}, "allow"},
      {"personality", {8}, "allow"},
      {"personality", {0xffff'ffff}, "allow"},
      {"personality", {1}, "EPERM"},
      {"personality", {9}, "EPERM"},
      {"personality", {0x1'0000'0001}, "EPERM"},
      {"personality", {0x1'0000'0008}, "allow"},  // the kernel, too, drops the high half
      {"clone", {0x11}, "allow"},
      {"clone", {0x10000011}, "EPERM"},
      {"clone", {0x50}, "EPERM"},
      {"clone", {0x7000'0000'0000'0000}, "allow"},
      {"ioctl", {0, 1, 3}, "EACCES"},
      {"ioctl", {0, 5, 3}, "EPERM"},
      {"ioctl", {3, 3, 1}, "allow"},
      {"keyctl", {}, "ENOSYS"},
      {"add_key", {}, "ENOSYS"},
      {"read", {1, 2, 3}, "allow"},
      {"write", {}, "ENOSYS"},
  };
  const auto programs = programs_of(policy);
  for (const Architecture& architecture : kArchitectures)
    for (const Row& row : rows) {
      CAPTURE(row.call);
      CAPTURE(row.arguments[0]);
      CHECK(ask(programs, architecture, row.call, row.arguments) == row.expected);
      const int error = decide(policy, row.call, row.arguments).error_number();
      CHECK((error == 0 ? std::string("allow") : strerrorname_np(error)) == row.expected);
    }
}

TEST_CASE("what gbox wants to answer itself is notified, and nothing else") {
  if (!on_x86_64()) return;
  const Policy policy = load_policy("run");
  const Architecture& native = kArchitectures[0];
  const std::vector<Program> emulating = {
      seccomp_program(policy, {{"chown", "bpf", "ioctl"}, false})};
  CHECK(ask(emulating, native, "chown") == "notify");
  CHECK(ask(emulating, kArchitectures[1], "chown") == "notify");
  CHECK(ask(emulating, native, "fchown") == "allow");
  // A handler is not asked what the policy forbids.
  CHECK(ask(emulating, native, "bpf") == "EPERM");
  CHECK(ask(emulating, native, "ioctl", {0, 0x5412}) == "EPERM");
  CHECK(ask(emulating, native, "ioctl", {0, 0x5413}) == "notify");
  CHECK(ask(emulating, native, "keyctl") == "ENOSYS");
  const std::vector<Program> tracing = {seccomp_program(policy, {{"chown"}, true})};
  CHECK(ask(tracing, native, "chown") == "notify");
  CHECK(ask(tracing, native, "bpf") == "notify");
  CHECK(ask(tracing, native, "ioctl", {0, 0x5412}) == "notify");
  CHECK(ask(tracing, native, "ioctl", {0, 0x5413}) == "allow");
  CHECK(answer(tracing, {native.audit, 9999}) == "notify");
  CHECK(answer(tracing, {AUDIT_ARCH_AARCH64, 1}) == "notify");
  Notifications creating{{"openat", "open"}};
  creating.only_with = {{"openat", {2, O_CREAT}}};
  const std::vector<Program> some = {seccomp_program(policy, creating)};
  CHECK(ask(some, native, "openat", {0, 0, O_RDWR | O_CREAT}) == "notify");
  CHECK(ask(some, kArchitectures[1], "openat", {0, 0, O_CREAT | O_EXCL}) == "notify");
  CHECK(ask(some, native, "openat", {0, 0, O_RDWR}) == "allow");
  CHECK(ask(some, native, "openat", {0, O_CREAT, O_TRUNC}) == "allow");
  CHECK(ask(some, native, "open") == "notify");
  // The plain program stays as it is.
  CHECK(ask(programs_of(policy), native, "chown") == "allow");
}

TEST_CASE("a policy that was changed after it was read gets programs of its own") {
  if (!on_x86_64()) return;
  Policy policy = load_policy("run");
  const Architecture& native = kArchitectures[0];
  CHECK(ask(programs_of(policy), native, "getppid") == "allow");
  CHECK(ask(programs_of(policy), native, "ioctl", {0, 0x5412}) == "EPERM");
  std::erase(policy.allowed_calls, "getppid");
  CHECK(ask(programs_of(policy), native, "getppid") == "ENOSYS");
  for (Refusal& refusal : policy.refusals)
    if (refusal.argument == 1) refusal.low32 = {0x5401};
  CHECK(ask(programs_of(policy), native, "ioctl", {0, 0x5412}) == "allow");
  CHECK(ask(programs_of(policy), native, "ioctl", {0, 0x5401}) == "EPERM");
  CHECK(ask(programs_of(load_policy("run")), native, "ioctl", {0, 0x5412}) == "EPERM");
}

TEST_CASE("the programs are small enough to install, and equal for equal policies") {
  for (const std::string& name : policy_names()) {
    const auto programs = programs_of(load_policy(name));
    for (const auto& program : programs) {
      CHECK_FALSE(program.empty());
      CHECK(program.size() <= BPF_MAXINSNS);
    }
    const auto again = programs_of(load_policy(name));
    for (std::size_t i = 0; i < programs.size(); ++i)
      CHECK(std::equal(programs[i].begin(), programs[i].end(), again[i].begin(), again[i].end(),
                       [](const sock_filter& a, const sock_filter& b) {
                         return a.code == b.code && a.jt == b.jt && a.jf == b.jf && a.k == b.k;
                       }));
  }
}
