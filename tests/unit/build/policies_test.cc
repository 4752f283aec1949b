#include "gbox/build/policies.h"

#include <doctest/doctest.h>
#include <linux/audit.h>

#include "gbox/base/text.h"
#include "gbox/sandbox/explain.h"
#include "gbox/sys/file.h"
#include "labels.h"
#include "policy_trace.h"

using namespace gbox;
using namespace gbox::build;

namespace {

spec::BuildSpec read(const std::string& phases) {
  return spec::read_spec("s", "name='x'\nbase.tarball='t'\n" + phases);
}

std::string faults_of(const std::string& phases, const std::string& directory = "/nowhere") {
  try {
    (void)phase_policies(read(phases), directory);
  } catch (const SpecError& error) {
    std::vector<std::string> lines;
    for (const SpecFault& fault : error.faults())
      lines.push_back(to_string(fault.where) + ": " + fault.message);
    return join(lines, "\n");
  }
  return {};
}

constexpr char kWider[] = R"(about = "wider"
network = "none"
syscalls = ["files", "memory", "processes", "ipc"]
refusals = ["kernel", "keys", "io_uring"]
)";

}  // namespace

TEST_CASE("a phase has the policy it names, else the usual one of what it does") {
  const auto policies = phase_policies(
      read("[[phase]]\nname='a'\nemerge=['x/y']\n[[phase]]\nname='b'\nrun='x'\n"
           "[[phase]]\nname='c'\nrun='x'\npolicy='strict'\n[[phase]]\nname='d'\nunmerge=['x/y']\n"),
      "/nowhere");
  CHECK(policies.at("a").policy.name == "emerge");
  CHECK(policies.at("b").policy.name == "run");
  CHECK(policies.at("c").policy.name == "strict");
  CHECK(policies.at("d").policy.name == "emerge");
  for (const auto& [phase, policy] : policies) {
    CHECK(widening_text(policy).empty());
    CHECK(policy.policy.digest == sandbox::load_policy(policy.policy.name).digest);
  }
  CHECK(own_labels(read("[[phase]]\nname='b'\nrun='x'\n"), policies).empty());
}

TEST_CASE("a widened policy says so, with its reason and place, and in the image's labels") {
  const auto policies = phase_policies(
      read("[[phase]]\nname='p'\nrun='x'\n"
           "widen={ capabilities=['SYS_NICE'], calls=['perf_event_open'], why='measures' }\n"),
      "/nowhere");
  const PhasePolicy& policy = policies.at("p");
  CHECK(widening_text(policy) ==
        "policy 'run', widened by capability SYS_NICE, system call perf_event_open: measures "
        "(s:6:7)");
  CHECK(policy.policy.digest != sandbox::load_policy("run").digest);
  CHECK(own_labels(read("[[phase]]\nname='p'\nrun='x'\n"), policies).at(kWidenedLabel) ==
        "p: run and capability SYS_NICE, system call perf_event_open (measures)");
  // Two phases of one policy may differ.
  const auto two =
      phase_policies(read("[[phase]]\nname='p'\nrun='x'\n[[phase]]\nname='q'\nrun='x'\n"
                          "narrow={ capabilities=['CHOWN'] }\n"),
                     "/nowhere");
  CHECK(two.at("p").policy.digest != two.at("q").policy.digest);
  CHECK(two.at("q").narrowed == std::vector<std::string>{"capability CHOWN"});
}

TEST_CASE(
    "a file beside the spec is a policy, with a reason where it allows more than gbox's own") {
  const sys::TempDir dir("/tmp", "gbox-policies-");
  sys::write_file_atomically(dir.fd(), "wider.toml", kWider, 0644);
  sys::write_file_atomically(
      dir.fd(), "part.toml",
      std::string(kWider) + "[[refuse]]\ncalls = [\"personality\"]\nwhy = \"x\"\n", 0644);
  sys::write_file_atomically(dir.fd(), "bad.toml", "about = 1\n", 0644);
  const std::string phase = "[[phase]]\nname='p'\nrun='x'\n";
  const auto part = phase_policies(read(phase + "policy='./part.toml'\n"), dir.path());
  CHECK(part.at("p").policy.name == "./part.toml");
  CHECK(part.at("p").widened.empty());
  CHECK(faults_of(phase + "policy='./wider.toml'\n", dir.path()) ==
        "s:6:8: policy './wider.toml' allows more than 'run': system call personality");
  const auto wider =
      phase_policies(read(phase + "policy='./wider.toml'\nwiden={ why='old wine' }\n"), dir.path());
  CHECK(widening_text(wider.at("p")) ==
        "policy './wider.toml', widened by system call personality: old wine (s:7:7)");
  CHECK(faults_of(phase + "policy='./part.toml'\nwiden={ why='x' }\n", dir.path()) ==
        "s:7:7: 'widen' adds nothing");
  CHECK(faults_of(phase + "policy='./bad.toml'\n", dir.path()).starts_with("./bad.toml:1:9: "));
  CHECK(faults_of(phase + "policy='./none.toml'\n", dir.path())
            .find("s:6:8: phase 'p': policy './none.toml': open") != std::string::npos);
  CHECK(faults_of(phase + "policy='/proc'\n").find("it is not a file") != std::string::npos);
  CHECK(faults_of(phase + "policy='rnu'\n").find("no policy 'rnu'") != std::string::npos);
}

TEST_CASE("a refused call is told with its policy, process, error, reason and rule") {
  const sandbox::Policy policy = sandbox::load_policy("run");
  const auto text = [&](std::uint32_t architecture, std::uint32_t number,
                        const std::array<std::uint64_t, 6>& arguments) {
    const sandbox::Call call(-1, 0, 1, architecture, number, arguments);
    return refusal_text("run", call, sandbox::decide(policy, call.name, arguments), "pid 17, 'x'");
  };
  if (sandbox::native_abi() != "x86-64") return;
  CHECK(text(AUDIT_ARCH_X86_64, 321, {})
            .starts_with(
                "policy 'run' refused 'bpf' (pid 17, 'x'): EPERM, runs code in the kernel, for all "
                "namespaces (policies/bounds.toml:"));
  CHECK(text(AUDIT_ARCH_I386, 54, {0, 0x5412})
            .starts_with("policy 'run' refused 'ioctl' of i386 when argument 2 is one of 0x5412, "
                         "0x541c (pid 17"));
  CHECK(text(AUDIT_ARCH_X86_64, 139, {}) ==
        "policy 'run' does not know 'sysfs' (pid 17, 'x'): ENOSYS");
  CHECK(text(AUDIT_ARCH_X86_64, 9999, {}) ==
        "policy 'run' does not know call 9999 (pid 17, 'x'): ENOSYS");
}
