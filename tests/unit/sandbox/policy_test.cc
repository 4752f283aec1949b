#include "gbox/sandbox/policy.h"

#include <doctest/doctest.h>
#include <seccomp.h>
#include <sys/capability.h>

#include <algorithm>
#include <set>

#include "embedded.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::sandbox;

namespace {

constexpr char kGroups[] = R"(
[files]
about = "files"
calls = "open read"
[net]
about = "network"
calls = """
socket
connect
"""
)";

constexpr char kPolicy[] = R"(
about = "a policy"
network = "none"
syscalls = ["files", "net"]
[[capability]]
names = ["CHOWN", "FOWNER"]
why = "owners"
[[refuse]]
calls = ["bpf"]
why = "no need"
[[refuse]]
calls = ["ioctl"]
argument = 1
low32 = [0x5412, 4294967295]
why = "terminals"
)";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE_MESSAGE(at != std::string::npos, what);
  return text.replace(at, what.size(), with);
}

std::string error_of(const std::string& policy, const std::string& groups = kGroups) {
  try {
    (void)parse_policy("test", policy, groups);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.message();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a policy is read: capabilities in file order, groups joined, refusals with reasons") {
  const Policy policy = parse_policy("test", kPolicy, kGroups);
  CHECK(policy.name == "test");
  CHECK(policy.about == "a policy");
  CHECK(policy.capabilities == std::vector<std::string>{"CHOWN", "FOWNER"});
  CHECK(policy.allowed_calls == std::vector<std::string>{"open", "read", "socket", "connect"});
  REQUIRE(policy.refusals.size() == 2);
  CHECK(policy.refusals[0].argument == -1);
  CHECK(policy.refusals[0].low32.empty());
  CHECK(policy.refusals[0].why == "no need");
  CHECK(policy.refusals[1].argument == 1);
  CHECK(policy.refusals[1].low32 == std::vector<std::uint32_t>{0x5412, 0xffffffff});
}

TEST_CASE("what is wrong with a policy file is said with its line") {
  struct Row {
    std::string_view what;
    std::string_view with;
    std::string_view message;
  };
  const Row rows[] = {
      {"about = \"a policy\"", "about = \"a policy\"\ncolour = 1", "line 1: unknown key 'colour'"},
      {"why = \"owners\"", "why = \"owners\"\nnote = \"x\"", "line 5: unknown key 'note'"},
      {"why = \"owners\"", "", "line 5: 'why' is missing"},
      {"why = \"no need\"", "", "line 8: 'why' is missing"},
      {"why = \"no need\"", "why = 7", "line 8: 'why' must be a string"},
      {"about = \"a policy\"", "", "line 1: 'about' is missing"},
      {"syscalls = [\"files\", \"net\"]", "", "'syscalls' is missing"},
      {"\"net\"]", "\"nets\"]", "unknown group of system calls 'nets'"},
      {"\"net\"]", "3]", "'syscalls' must be an array of strings"},
      {"[\"files\", \"net\"]", "\"files\"", "'syscalls' must be an array of strings"},
      {"network = \"none\"", "network = \"host\"", "'network' must be 'none'"},
      {"argument = 1", "argument = 6", "line 11: 'argument' is a number from 0 to 5"},
      {"argument = 1", "argument = -1", "line 11: 'argument' is a number from 0 to 5"},
      {"argument = 1", "argument = \"1\"", "line 11: 'argument' is a number from 0 to 5"},
      {"argument = 1", "", "line 11: 'argument' is missing"},
      {"low32 = [0x5412, 4294967295]", "", "line 11: 'low32' is missing"},
      {"4294967295", "4294967296", "line 11: 'low32' holds numbers from 0 to 4294967295"},
      {"4294967295", "-1", "line 11: 'low32' holds numbers from 0 to 4294967295"},
      {"4294967295", "\"x\"", "line 11: 'low32' holds numbers from 0 to 4294967295"},
      {"low32 = [0x5412, 4294967295]", "low32 = []", "line 11: 'low32' must not be empty"},
      {"[0x5412, 4294967295]", "3", "line 11: 'low32' must be an array of numbers"},
      {"calls = [\"bpf\"]", "calls = \"bpf\"", "line 8: 'calls' must be an array of strings"},
      {"calls = [\"bpf\"]", "calls = []", "line 8: 'calls' must not be empty"},
      {"[[capability]]", "[capability]", "'capability' must be an array of tables"},
      {"about = \"a policy\"", "about = ", "line 2"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.with);
    const std::string said = error_of(replaced(kPolicy, row.what, row.with));
    CAPTURE(said);
    CHECK(said.starts_with("read policy 'test'"));
    CHECK(said.find(row.message) != std::string::npos);
  }
}

TEST_CASE("what is wrong with the file of groups is said as well") {
  CHECK(error_of(kPolicy, replaced(kGroups, "about = \"network\"", "")) ==
        "read policy 'syscalls', line 5: 'about' is missing");
  CHECK(error_of(kPolicy, replaced(kGroups, "about = \"network\"", "about = \"x\"\nextra = 1")) ==
        "read policy 'syscalls', line 5: unknown key 'extra'");
  CHECK(error_of(kPolicy, "files = 3") == "read policy 'syscalls': 'files' must be a table");
  CHECK(error_of(kPolicy, "[").starts_with("read policy 'syscalls', line 1: "));
}

TEST_CASE("an unknown policy is refused with the known ones, and the near one") {
  try {
    (void)load_policy("emrge");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.message() == "no policy 'emrge'; there are 'emerge' and 'run'");
    CHECK(error.hint() == "did you mean 'emerge'?");
    CHECK(error.code() == ExitCode::usage);
  }
  // The file of groups is none.
  CHECK_THROWS_AS((void)load_policy("syscalls"), Error);
  CHECK_THROWS_AS((void)load_policy(""), Error);
}

TEST_CASE("the digest of a policy changes with every byte of what decides it") {
  const Digest digest = parse_policy("test", kPolicy, kGroups).digest;
  CHECK(parse_policy("test", kPolicy, kGroups).digest == digest);
  CHECK(parse_policy("test", replaced(kPolicy, "0x5412", "0x5413"), kGroups).digest != digest);
  CHECK(parse_policy("test", replaced(kPolicy, "owners", "owner"), kGroups).digest != digest);
  CHECK(parse_policy("test", kPolicy, replaced(kGroups, "read", "write")).digest != digest);
  CHECK(load_policy("emerge").digest != load_policy("run").digest);
  CHECK(load_policy("emerge").digest == load_policy("emerge").digest);
}

TEST_CASE("the built-in policies hold what Portage needs, and 'run' no more than a container") {
  CHECK(policy_names() == std::vector<std::string>{"emerge", "run"});
  const auto granted = [](const char* name) {
    const Policy policy = load_policy(name);
    CHECK_FALSE(policy.about.empty());
    for (const std::string& capability : policy.capabilities) {
      cap_value_t value = 0;
      CAPTURE(capability);
      CHECK(::cap_from_name(("cap_" + capability).c_str(), &value) == 0);
    }
    return std::set<std::string>(policy.capabilities.begin(), policy.capabilities.end());
  };
  const std::set<std::string> emerge = granted("emerge");
  const std::set<std::string> run = granted("run");
  CHECK(emerge.size() == load_policy("emerge").capabilities.size());
  CHECK(run.size() == load_policy("run").capabilities.size());
  for (const char* needed : {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETUID", "SETGID",
                             "SETFCAP", "SYS_ADMIN", "SYS_PTRACE"})
    CHECK(emerge.contains(needed));
  for (const char* never : {"SYS_MODULE", "SYS_RAWIO", "SYS_BOOT", "SYS_TIME", "MKNOD",
                            "DAC_READ_SEARCH", "BPF", "PERFMON", "MAC_ADMIN", "SYSLOG"}) {
    CHECK_FALSE(emerge.contains(never));
    CHECK_FALSE(run.contains(never));
  }
  CHECK_FALSE(run.contains("SYS_ADMIN"));
  CHECK_FALSE(run.contains("SYS_PTRACE"));
}

TEST_CASE("every call that the policies name is one this libseccomp knows, or newer than it") {
  // Newer than libseccomp 2.5.0, the oldest that gbox builds with.
  const std::set<std::string> newer = {"cachestat",
                                       "fchmodat2",
                                       "futex_requeue",
                                       "futex_wait",
                                       "futex_waitv",
                                       "futex_wake",
                                       "landlock_add_rule",
                                       "landlock_create_ruleset",
                                       "landlock_restrict_self",
                                       "map_shadow_stack",
                                       "memfd_secret",
                                       "mount_setattr",
                                       "process_mrelease",
                                       "quotactl_fd",
                                       "set_mempolicy_home_node",
                                       "epoll_pwait2",
                                       "close_range"};
  for (const std::string& name : policy_names()) {
    const Policy policy = load_policy(name);
    std::vector<std::string> calls = policy.allowed_calls;
    for (const Refusal& refusal : policy.refusals)
      calls.insert(calls.end(), refusal.calls.begin(), refusal.calls.end());
    for (const std::string& call : calls) {
      CAPTURE(call);
      if (!newer.contains(call))
        CHECK(seccomp_syscall_resolve_name(call.c_str()) != __NR_SCMP_ERROR);
    }
  }
}
