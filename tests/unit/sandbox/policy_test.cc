#include "gbox/sandbox/policy.h"

#include <doctest/doctest.h>
#include <sys/capability.h>

#include <algorithm>
#include <set>

#include "call_table.h"
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

constexpr char kRefusals[] = R"(
[[keys]]
calls = ["keyctl"]
errno = "ENOSYS"
why = "the user's"
)";

constexpr char kBounds[] = R"(
[[capability]]
names = ["SYS_BOOT"]
why = "the machine's"
[[refuse]]
calls = ["reboot"]
why = "the machine's"
)";

constexpr char kPolicy[] = R"(
about = "a policy"
network = "none"
syscalls = ["files", "net"]
refusals = ["keys"]
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

struct Library {
  std::string groups = kGroups;
  std::string refusals = kRefusals;
  std::string bounds = kBounds;
};

Policy parsed(const std::string& text, const Library& library = {}) {
  return parse_policy("test.toml", text, {library.groups, library.refusals, library.bounds});
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE_MESSAGE(at != std::string::npos, what);
  return text.replace(at, what.size(), with);
}

std::vector<std::string> faults_of(const std::string& policy, const Library& library = {}) {
  std::vector<std::string> lines;
  try {
    (void)parsed(policy, library);
  } catch (const SpecError& error) {
    CHECK(error.code() == ExitCode::usage);
    for (const SpecFault& fault : error.faults())
      lines.push_back(to_string(fault.where) + ": " + fault.message +
                      (fault.hint.empty() ? "" : " | " + fault.hint));
  }
  return lines;
}

}  // namespace

TEST_CASE("a policy is read: capabilities in file order, groups joined, bounds before its own") {
  const Policy policy = parsed(kPolicy);
  CHECK(policy.name == "test.toml");
  CHECK(policy.about == "a policy");
  CHECK(policy.capabilities == std::vector<std::string>{"CHOWN", "FOWNER"});
  CHECK(policy.allowed_calls == std::vector<std::string>{"open", "read", "socket", "connect"});
  REQUIRE(policy.refusals.size() == 4);
  CHECK(policy.refusals[0].calls == std::vector<std::string>{"reboot"});
  CHECK(policy.refusals[0].fixed);
  CHECK(to_string(policy.refusals[0].where) == "policies/bounds.toml:5:1");
  CHECK(policy.refusals[1].argument == -1);
  CHECK(policy.refusals[1].low32.empty());
  CHECK(policy.refusals[1].why == "no need");
  CHECK(policy.refusals[1].error_number == EPERM);
  CHECK_FALSE(policy.refusals[1].fixed);
  CHECK(to_string(policy.refusals[1].where) == "test.toml:9:1");
  CHECK(policy.refusals[2].argument == 1);
  CHECK(policy.refusals[2].low32 == std::vector<std::uint32_t>{0x5412, 0xffffffff});
  CHECK(policy.refusals[3].error_number == ENOSYS);
  CHECK(policy.refusals[3].where.file == "policies/refusals.toml");
}

TEST_CASE("what is wrong with a policy file is said with its place") {
  struct Row {
    std::string_view what;
    std::string_view with;
    std::string_view message;
  };
  const Row rows[] = {
      {"about = \"a policy\"", "about = \"a policy\"\ncolour = 1",
       "test.toml:3:1: unknown key 'colour'"},
      {"why = \"owners\"", "why = \"owners\"\nwy = \"x\"",
       "test.toml:9:1: unknown key 'wy' | did you mean 'why'?"},
      {"why = \"owners\"", "", "test.toml:6:1: 'why' is missing"},
      {"why = \"no need\"", "", "test.toml:9:1: 'why' is missing"},
      {"why = \"no need\"", "why = \" \"", "test.toml:11:7: 'why' must not be empty"},
      {"why = \"no need\"", "why = 7", "test.toml:11:7: 'why' must be a string"},
      {"about = \"a policy\"", "", "'about' is missing"},
      {"syscalls = [\"files\", \"net\"]", "", "'syscalls' is missing"},
      {"\"net\"]", "\"nets\"]",
       "test.toml:4:12: unknown group of system calls 'nets' | did you mean 'net'?"},
      {"\"net\"]", "3]", "test.toml:4:22: 'syscalls' must be an array of strings"},
      {"[\"files\", \"net\"]", "\"files\"", "'syscalls' must be an array of strings"},
      {"[\"keys\"]", "[\"kees\"]",
       "test.toml:5:12: unknown group of refusals 'kees' | did you mean 'keys'?"},
      {"network = \"none\"", "network = \"all\"",
       "test.toml:3:11: 'network' is the most a phase may ask for"},
      {"about = \"a policy\"", "about = \"p\"\nlimits = 3",
       "'limits' must be a table | write [limits]"},
      {"argument = 1", "argument = 6", "test.toml:14:12: 'argument' is a number from 0 to 5"},
      {"argument = 1", "argument = -1", "'argument' is a number from 0 to 5"},
      {"argument = 1", "argument = \"1\"", "'argument' is a number from 0 to 5"},
      {"argument = 1", "", "test.toml:12:1: 'argument' is missing"},
      {"low32 = [0x5412, 4294967295]", "",
       "an argument is compared by one of 'low32', 'other_than'"},
      {"why = \"terminals\"", "why = \"terminals\"\nany_bit = [1]",
       "an argument is compared by one of 'low32', 'other_than' and 'any_bit'"},
      {"4294967295", "4294967296", "test.toml:15:18: 'low32' holds numbers from 0 to 4294967295"},
      {"4294967295", "-1", "'low32' holds numbers from 0 to 4294967295"},
      {"4294967295", "\"x\"", "'low32' holds numbers from 0 to 4294967295"},
      {"4294967295", "1.5", "'low32' holds numbers from 0 to 4294967295"},
      {"low32 = [0x5412, 4294967295]", "low32 = []", "'low32' must not be empty"},
      {"[0x5412, 4294967295]", "3", "'low32' must be an array of numbers"},
      {"calls = [\"bpf\"]", "calls = \"bpf\"", "'calls' must be an array of strings"},
      {"calls = [\"bpf\"]", "calls = []", "'calls' must not be empty"},
      {"calls = [\"bpf\"]", "calls = [\"bfp\"]", "unknown system call 'bfp' | did you mean 'bpf'?"},
      {"why = \"no need\"", "why = \"no need\"\nerrno = \"EPREM\"", "unknown error 'EPREM'"},
      {"\"FOWNER\"", "\"FOWNR\"", "unknown capability 'FOWNR'"},
      {"\"FOWNER\"", "\"SYS_BOOT\"", "no policy grants 'SYS_BOOT': the machine's"},
      {"\"FOWNER\"", "\"CHOWN\"", "capability 'CHOWN' is granted twice"},
      {"[[capability]]", "[capability]",
       "'capability' must be an array of tables | write [[capability]]"},
      {"about = \"a policy\"", "no_new_privileges = 1", "'no_new_privileges' is true or false"},
      {"about = \"a policy\"", "about = ", "test.toml:2:"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.with);
    const std::string said = join(faults_of(replaced(kPolicy, row.what, row.with)), "\n");
    CAPTURE(said);
    CHECK(said.find(row.message) != std::string::npos);
  }
}

TEST_CASE("all that is wrong with a policy file is said at once") {
  CHECK(faults_of("about = 1\nnetwork = \"none\"\nsyscalls = [\"x\"]\n[[refuse]]\ncalls = []\n") ==
        std::vector<std::string>{
            "test.toml:1:9: 'about' must be a string",
            "test.toml:3:12: unknown group of system calls 'x' | there are 'files' and 'net'",
            "test.toml:5:9: 'calls' must not be empty", "test.toml:4:1: 'why' is missing"});
}

TEST_CASE("a policy hides paths, makes them read-only, and bounds resources") {
  const Policy policy = parsed(std::string(kPolicy) + R"(
[[hide]]
paths = ["/etc/secret", "/proc/kcore"]
why = "secrets"
[[hide]]
paths = ["/sys/firmware/"]
why = "firmware"
[[read_only]]
paths = ["/"]
why = "looks only"
[[resource]]
name = "nofile"
most = 64
why = "few"
[limits]
time = "2h"
processes = 10
)");
  CHECK(paths_of(policy.hidden) ==
        std::vector<std::string>{"/etc/secret", "/proc/kcore", "/sys/firmware"});
  CHECK(policy.hidden[1].why == "firmware");
  CHECK(to_string(policy.hidden[1].where) == "test.toml:21:1");
  CHECK(paths_of(policy.read_only) == std::vector<std::string>{"/"});
  REQUIRE(policy.resources.size() == 1);
  CHECK(policy.resources[0].most == 64);
  REQUIRE(policy.limits.size() == 2);
  CHECK(policy.limits[1].name == "time");
  CHECK(policy.limits[1].text == "2h");
  CHECK(to_string(policy.limits[1].where) == "test.toml:32:8");
  CHECK(policy.limits[0].text == "10");
}

TEST_CASE(
    "hidden and read-only paths and resources are part of what a policy means, limits are not") {
  const auto digest = [](const std::string& more) { return parsed(kPolicy + more).digest; };
  const Digest plain = digest("");
  CHECK(digest("[[hide]]\npaths = [\"/a\"]\nwhy = \"x\"\n") != plain);
  CHECK(digest("[[hide]]\npaths = [\"/a\"]\nwhy = \"x\"\n") ==
        digest("[[hide]]\npaths = [\"/a\"]\nwhy = \"y\"\n"));
  CHECK(digest("[[read_only]]\npaths = [\"/a\"]\nwhy = \"x\"\n") !=
        digest("[[hide]]\npaths = [\"/a\"]\nwhy = \"x\"\n"));
  CHECK(digest("[[resource]]\nname = \"nofile\"\nmost = 5\nwhy = \"x\"\n") != plain);
  CHECK(digest("[limits]\ntime = \"1h\"\n") == plain);
}

TEST_CASE("paths and resources that make no sense are refused") {
  const auto said = [](const std::string& more) { return join(faults_of(kPolicy + more), "\n"); };
  const auto hide = [&](const std::string& path) {
    return said("[[hide]]\npaths = [\"" + path + "\"]\nwhy = \"x\"\n");
  };
  CHECK(hide("/proc/kcore").empty());
  CHECK(hide("etc") == "test.toml:18:9: 'etc' is no absolute path without '.' and '..'");
  CHECK(hide("/a/../b") == "test.toml:18:9: '/a/../b' is no absolute path without '.' and '..'");
  CHECK(hide("").find("is no absolute path") != std::string::npos);
  for (const char* path : {"/", "/proc", "/sys", "/dev"})
    CHECK(hide(path).find("no program starts without '" + std::string(path) + "'") !=
          std::string::npos);
  const auto resource = [&](const std::string& name, const std::string& most) {
    return said("[[resource]]\nname = \"" + name + "\"\nmost = " + most + "\nwhy = \"x\"\n");
  };
  CHECK(
      resource("core", "0") ==
      "test.toml:18:8: no resource is called 'core' | no step writes core files, under any policy");
  CHECK(resource("nproc", "1").ends_with("| write 'processes' in [limits]"));
  CHECK(resource("nofiles", "1").find("there are 'as', 'cpu'") != std::string::npos);
  CHECK(resource("nofile", "-1") == "test.toml:19:8: 'most' is a whole number from 0 on");
  CHECK(said("[limits]\ntime = [1]\n") == "test.toml:18:8: 'time' must be a string or a number");
  // Where the step could lift the cover, and would have no proc for namespaces of its own.
  CHECK(join(faults_of(replaced(kPolicy, "\"FOWNER\"", "\"SYS_ADMIN\"") +
                       "[[hide]]\npaths = [\"/proc/kcore\"]\nwhy = \"x\"\n"),
             "\n") ==
        "test.toml:17:1: with SYS_ADMIN, '/proc/kcore' cannot be hidden: a step could uncover it, "
        "and "
        "could mount no proc of its own | leave out the path, or the capability");
}

TEST_CASE("what is wrong with the file of groups is said as well") {
  Library library;
  library.groups = replaced(kGroups, "about = \"network\"", "");
  CHECK(faults_of(kPolicy, library).front() == "policies/syscalls.toml:5:1: 'about' is missing");
  library.groups = "files = 3";
  CHECK(faults_of(kPolicy, library).front() ==
        "policies/syscalls.toml:1:9: 'files' must be a table");
  library.groups = "[";
  CHECK(faults_of(kPolicy, library).front().starts_with("policies/syscalls.toml:1:"));
}

TEST_CASE("an unknown policy is refused with the known ones, and the near one") {
  try {
    (void)load_policy("emrge");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.message() == "no policy 'emrge'; there are 'emerge', 'fetch', 'run' and 'strict'");
    CHECK(error.hint() == "did you mean 'emerge'?");
    CHECK(error.code() == ExitCode::usage);
  }
  // The files of groups and bounds are none.
  for (const char* name : {"syscalls", "refusals", "bounds"})
    CHECK_THROWS_AS((void)load_policy(name), Error);
  CHECK_THROWS_AS((void)load_policy(""), Error);
}

TEST_CASE("the digest of a policy is of what it means, not of what it says about it") {
  const Digest digest = parsed(kPolicy).digest;
  CHECK(parsed(kPolicy).digest == digest);
  CHECK(parsed(replaced(kPolicy, "owners", "other words")).digest == digest);
  CHECK(parsed("# a comment\n" + std::string(kPolicy)).digest == digest);
  CHECK(parsed(replaced(kPolicy, "\"CHOWN\", \"FOWNER\"", "\"FOWNER\", \"CHOWN\"")).digest ==
        digest);
  CHECK(parsed(replaced(kPolicy, "0x5412", "0x5413")).digest != digest);
  CHECK(parsed(replaced(kPolicy, "low32", "any_bit")).digest != digest);
  CHECK(parsed(replaced(kPolicy, "argument = 1", "argument = 2")).digest != digest);
  CHECK(parsed(replaced(kPolicy, "FOWNER", "FSETID")).digest != digest);
  CHECK(parsed(replaced(kPolicy, ", \"net\"", "")).digest != digest);
  CHECK(parsed(replaced(kPolicy, "refusals = [\"keys\"]", "")).digest != digest);
  CHECK(parsed(replaced(kPolicy, "network", "no_new_privileges = true\nnetwork")).digest != digest);
  for (std::string Library::*part : {&Library::groups, &Library::refusals, &Library::bounds}) {
    Library library;
    library.*part = replaced(library.*part,
                             part == &Library::groups     ? "read"
                             : part == &Library::refusals ? "ENOSYS"
                                                          : "reboot",
                             part == &Library::groups     ? "write"
                             : part == &Library::refusals ? "EACCES"
                                                          : "swapon");
    CHECK(parsed(kPolicy, library).digest != digest);
  }
  CHECK(load_policy("emerge").digest != load_policy("run").digest);
  CHECK(load_policy("emerge").digest == load_policy("emerge").digest);
}

TEST_CASE("the built-in policies hold what Portage needs, and 'run' no more than a container") {
  CHECK(policy_names() == std::vector<std::string>{"emerge", "fetch", "run", "strict"});
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
  CHECK(granted("fetch").empty());
  for (const char* never : {"SETUID", "SETGID", "SETPCAP", "SETFCAP", "SYS_ADMIN", "SYS_PTRACE"})
    CHECK_FALSE(granted("strict").contains(never));
  CHECK_FALSE(run.contains("SYS_ADMIN"));
  CHECK_FALSE(run.contains("SYS_PTRACE"));
}

TEST_CASE("every call that the groups name is one this libseccomp knows, or newer than it") {
  for (const std::string& name : policy_names())
    for (const std::string& call : load_policy(name).allowed_calls) {
      CAPTURE(call);
      CHECK(is_call(call));
    }
}

TEST_CASE("every built-in policy refuses what is in the bounds, with a reason and a place") {
  for (const std::string& name : policy_names()) {
    const Policy policy = load_policy(name);
    CAPTURE(name);
    for (const char* call : {"bpf", "open_by_handle_at", "kexec_load", "init_module", "reboot",
                             "quotactl", "swapon", "clock_settime"}) {
      const Decision decision = decide(policy, call, {});
      REQUIRE(decision.kind == Decision::Kind::refused);
      CHECK(decision.refusal->fixed);
      CHECK(decision.error_number() == EPERM);
      CHECK(decision.refusal->where.file == "policies/bounds.toml");
    }
    CHECK(decide(policy, "keyctl", {}).error_number() == ENOSYS);
    CHECK(decide(policy, "no_such_call", {}).kind == Decision::Kind::unknown);
    CHECK(decide(policy, "no_such_call", {}).error_number() == ENOSYS);
  }
}

TEST_CASE("a condition is told in words") {
  Refusal refusal;
  CHECK(condition_text(refusal).empty());
  refusal.argument = 1;
  refusal.low32 = {0x5412, 0x541c};
  CHECK(condition_text(refusal) == "when argument 2 is one of 0x5412, 0x541c");
  refusal.match = Refusal::Match::other_than;
  CHECK(condition_text(refusal) == "unless argument 2 is one of 0x5412, 0x541c");
  refusal.match = Refusal::Match::any_bit;
  refusal.low32 = {0x10};
  CHECK(condition_text(refusal) == "when argument 2 has a bit of 0x10");
}
