#include "gbox/sandbox/policy_change.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::sandbox;

namespace {

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string faults_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const SpecError& error) {
    std::vector<std::string> lines;
    for (const SpecFault& fault : error.faults())
      lines.push_back(to_string(fault.where) + ": " + fault.message);
    return join(lines, "\n");
  }
  return {};
}

std::vector<Word> words(const std::vector<std::string>& values) {
  std::vector<Word> result;
  unsigned column = 1;
  for (const std::string& value : values) result.push_back({value, {"s.toml", 3, column++}});
  return result;
}

}  // namespace

TEST_CASE("narrowing takes away capabilities, groups and calls; the calls say EPERM") {
  Policy policy = load_policy("emerge");
  const Digest before = policy.digest;
  narrow(policy, {{"s.toml", 2, 1},
                  words({"sys_ptrace", "CAP_KILL"}),
                  words({"trace"}),
                  words({"fanotify_init"})});
  CHECK_FALSE(has(policy.capabilities, "SYS_PTRACE"));
  CHECK_FALSE(has(policy.capabilities, "KILL"));
  CHECK(has(policy.capabilities, "SETUID"));
  for (const char* call : {"ptrace", "kcmp", "fanotify_init"}) {
    const Decision decision = decide(policy, call, {});
    CHECK(decision.error_number() == EPERM);
    CHECK(decision.refusal->where.line == 2);
  }
  CHECK(decide(policy, "mount", {}).error_number() == 0);
  CHECK(policy.digest != before);
  CHECK(beyond(policy, load_policy("emerge")).empty());
  CHECK_FALSE(beyond(load_policy("emerge"), policy).empty());
}

TEST_CASE("what cannot be narrowed is said, all of it") {
  Policy policy = load_policy("run");
  CHECK(faults_of([&] {
          narrow(policy, {{},
                          words({"SYS_ADMIN", "NONSENSE"}),
                          words({"files", "nets"}),
                          words({"execve", "opne", "bpf"})});
        }) ==
        "s.toml:3:1: policy 'run' does not grant 'SYS_ADMIN'\n"
        "s.toml:3:2: unknown capability 'NONSENSE'\n"
        "s.toml:3:1: no program starts without the group 'files'\n"
        "s.toml:3:2: policy 'run' does not allow the group 'nets'; it allows 'files', 'memory', "
        "'processes', 'ipc', 'trace' and 'namespaces'\n"
        "s.toml:3:1: no program starts without 'execve'\n"
        "s.toml:3:2: unknown system call 'opne'\n"
        "s.toml:3:3: policy 'run' does not allow 'bpf'");
}

TEST_CASE("widening grants capabilities and calls that a policy refuses or does not know") {
  Policy policy = load_policy("run");
  const Digest before = policy.digest;
  widen(policy, {{"s.toml", 2, 1},
                 words({"SYS_NICE"}),
                 words({"perf_event_open", "io_uring_setup", "sysfs", "personality"}),
                 "measures"});
  CHECK(has(policy.capabilities, "SYS_NICE"));
  CHECK(decide(policy, "perf_event_open", {}).error_number() == 0);
  CHECK(decide(policy, "io_uring_setup", {}).error_number() == 0);
  CHECK(decide(policy, "personality", {0x400000}).error_number() == 0);
  // Their neighbours in the same rules stay refused.
  CHECK(decide(policy, "userfaultfd", {}).error_number() == EPERM);
  CHECK(decide(policy, "io_uring_enter", {}).error_number() == ENOSYS);
  CHECK(policy.digest != before);
  CHECK(beyond(policy, load_policy("run")) ==
        std::vector<std::string>{"capability SYS_NICE", "system call io_uring_setup",
                                 "system call perf_event_open", "system call personality",
                                 "system call sysfs"});
}

TEST_CASE("nothing widens past the bounds, and what is there already is no widening") {
  Policy policy = load_policy("run");
  const std::string said = faults_of([&] {
    widen(policy, {{},
                   words({"SYS_MODULE", "sys_rawio", "CHOWN"}),
                   words({"bpf", "init_module", "open_by_handle_at", "reboot", "read", "nope"}),
                   "wants it"});
  });
  for (const char* line :
       {"no policy grants 'SYS_MODULE': power over the whole machine",
        "no policy grants 'SYS_RAWIO'", "policy 'run' grants 'CHOWN' already",
        "no policy allows 'bpf': runs code in the kernel", "no policy allows 'init_module'",
        "no policy allows 'open_by_handle_at': opens files by number, past every mount",
        "no policy allows 'reboot'", "policy 'run' allows 'read' already",
        "unknown system call 'nope'"}) {
    CAPTURE(line);
    CHECK(said.find(line) != std::string::npos);
  }
  // A call with a bound on an argument keeps that bound.
  widen(policy, {{}, {}, words({"socket"}), "AF_ALG"});
  CHECK(decide(policy, "socket", {38}).error_number() == 0);
  CHECK(decide(policy, "socket", {40}).error_number() == EPERM);
  // One that has no other is as wide as it gets.
  CHECK(faults_of([&] {
          widen(policy, {{}, {}, words({"ioctl"}), "TIOCSTI"});
        }) == "s.toml:3:1: policy 'run' allows 'ioctl' already");
}

TEST_CASE("one policy is a part of another when it allows nothing more") {
  CHECK(beyond(load_policy("strict"), load_policy("run")).empty());
  CHECK(beyond(load_policy("fetch"), load_policy("strict")) ==
        std::vector<std::string>{"network fetch", "system call fanotify_init",
                                 "system call fanotify_mark", "system call memfd_secret",
                                 "system call mlockall", "system call modify_ldt",
                                 "system call name_to_handle_at"});
  CHECK(has(beyond(load_policy("run"), load_policy("strict")), "setuid programs"));
  CHECK(has(beyond(load_policy("run"), load_policy("strict")), "system call clone"));
  CHECK(has(beyond(load_policy("run"), load_policy("strict")), "sight of /proc/kcore"));
  CHECK(has(beyond(load_policy("run"), load_policy("strict")), "resource memlock"));
  Policy bound = load_policy("run");
  bound.read_only.push_back({{"/usr"}, "a test", {}});
  CHECK(beyond(load_policy("run"), bound) == std::vector<std::string>{"writing below /usr"});
  CHECK(beyond(bound, load_policy("run")).empty());
  // What SYS_ADMIN would uncover cannot be had with it.
  CHECK(faults_of([&] {
          Policy strict = load_policy("strict");
          widen(strict, {{}, words({"SYS_ADMIN"}), {}, "mounts"});
        }).find("policy 'strict' hides what this would show: with SYS_ADMIN, '/proc/acpi'") !=
        std::string::npos);
  Policy looser = load_policy("run");
  for (Refusal& refusal : looser.refusals)
    if (refusal.match == Refusal::Match::other_than) refusal.low32.push_back(0x400000);
  CHECK(beyond(looser, load_policy("run")) == std::vector<std::string>{"system call personality"});
  CHECK(beyond(load_policy("run"), looser).empty());
}
