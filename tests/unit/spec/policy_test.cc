// What a phase says about its policy and limits.
#include <doctest/doctest.h>

#include "gbox/base/text.h"
#include "gbox/spec/spec.h"

using namespace gbox;
using namespace gbox::spec;

namespace {

constexpr std::string_view kPolicySpec = "name=\"a\"\nbase.tarball=\"t\"\n";

BuildSpec read(const std::string& text) {
  return read_spec("s", std::string(kPolicySpec) + text);
}

std::string policy_faults(const std::string& text) {
  try {
    (void)read(text);
  } catch (const SpecError& error) {
    std::vector<std::string> lines;
    for (const SpecFault& fault : error.faults())
      lines.push_back(to_string(fault.where) + ": " + fault.message + " | " + fault.hint);
    return join(lines, "\n");
  }
  return {};
}

}  // namespace

TEST_CASE("a phase may narrow and widen its policy, each word with its place") {
  const BuildSpec spec = read(
      "[[phase]]\nname='p'\nrun='x'\npolicy='./own.toml'\n"
      "narrow = { capabilities=['CHOWN'], groups=['trace'], calls=['link'] }\n"
      "widen = { capabilities=['SYS_NICE'], calls=['bpf'], why='needs it' }\n");
  const Phase& phase = spec.phases.front();
  CHECK(phase.policy == "./own.toml");
  CHECK(phase.policy_where.line == 6);
  REQUIRE(phase.narrow);
  CHECK(values_of(phase.narrow->groups) == std::vector<std::string>{"trace"});
  CHECK(to_string(phase.narrow->calls.front().where) == "s:7:61");
  REQUIRE(phase.widen);
  CHECK(phase.widen->why == "needs it");
  CHECK(phase.widen->where.line == 8);
  CHECK(values_of(phase.widen->calls) == std::vector<std::string>{"bpf"});
}

TEST_CASE("what is wrong with them is said where it stands") {
  const std::string phase = "[[phase]]\nname='p'\nrun='x'\n";
  CHECK(policy_faults(phase + "widen = { calls=['bpf'] }")
            .starts_with("s:6:9: 'widen' does not say why"));
  CHECK(policy_faults(phase + "widen = { calls=['bpf'], why='' }").find("'why'") !=
        std::string::npos);
  CHECK(policy_faults(phase + "widen = { calls=['bpf'], why=\"a\\u001bb\" }").find("'why'") !=
        std::string::npos);
  CHECK(policy_faults(phase + "narrow = {}").starts_with("s:6:10: 'narrow' takes nothing away"));
  CHECK(policy_faults(phase + "narrow = { cals=['x'] }").find("did you mean 'calls'?") !=
        std::string::npos);
  CHECK(policy_faults(phase + "policy = 'Run!'").find("'policy'") != std::string::npos);
}

TEST_CASE("limits are read for the spec and for a phase, and the nearer ones count") {
  const BuildSpec spec = read(
      "[limits]\ntime='2h'\nmemory='8G'\nprocesses=4096\nfile_size='4G'\ndisk='20G'\n"
      "[[phase]]\nname='p'\nrun='x'\nlimits={ time='30s', processes='10' }\n");
  CHECK(spec.limits.time->value == 7200);
  CHECK(spec.limits.time->shown == "2h");
  CHECK(to_string(spec.limits.time->where) == "s:4:6");
  CHECK(spec.limits.memory->value == std::uint64_t{8} << 30);
  CHECK(spec.limits.processes->value == 4096);
  Limits asked;
  set_limit(asked, "disk", "1T", {"--limit", 0, 0});
  const Limits all = merged(merged(spec.limits, spec.phases.front().limits), asked);
  CHECK(all.time->value == 30);
  CHECK(all.processes->value == 10);
  CHECK(all.file_size->value == std::uint64_t{4} << 30);
  CHECK(all.disk->value == std::uint64_t{1} << 40);
  CHECK(to_string(all.disk->where) == "--limit");
}

TEST_CASE("what is no limit is refused with what one looks like") {
  CHECK(policy_faults("[limits]\ntime=5") ==
        "s:4:6: 'time': '5' is no such limit | write a number and a unit, such as \"90s\", \"45m\" "
        "or \"2h\"");
  CHECK(policy_faults("[limits]\nprocesses=0").find("write a number from 1 on") !=
        std::string::npos);
  CHECK(policy_faults("[limits]\nprocesses=-3").find("'-3' is no such limit") != std::string::npos);
  CHECK(policy_faults("[limits]\nmemory='1e9'").find("such as \"512M\"") != std::string::npos);
  CHECK(policy_faults("[limits]\ntme='1s'").find("did you mean 'time'?") != std::string::npos);
  for (const char* text : {"", "s", "5", "5w", "-5s", "5 s", "99999999999999999999s", "9999999d"})
    CHECK_FALSE(parse_seconds(text));
  CHECK(parse_seconds("90s") == 90u);
  CHECK(parse_seconds("1d") == 86400u);
  CHECK_THROWS_WITH_AS(
      ([] {
        Limits limits;
        set_limit(limits, "tiem", "1s", {});
      }()),
      "no limit is called 'tiem'; there are 'time', 'memory', 'processes', 'file_size' and 'disk'",
      Error);
}
