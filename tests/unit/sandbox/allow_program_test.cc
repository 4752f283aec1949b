#include "allow_program.h"

#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>

#include "bpf.h"

using namespace gbox::sandbox;
using gbox::tests::answer;

namespace {

// search_program() expects the call's number where a filter has loaded it.
std::vector<std::vector<sock_filter>> program_for(const std::vector<std::uint32_t>& bounds) {
  std::vector<sock_filter> program = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)}};
  const auto search = search_program(bounds);
  program.insert(program.end(), search.begin(), search.end());
  return {program};
}

}  // namespace

TEST_CASE("the search answers right at and beside every bound, also past the reach of a jump") {
  std::vector<std::uint32_t> bounds;
  for (std::uint32_t i = 0; i < 2000; ++i) bounds.push_back(3 * i + 1);
  const auto programs = program_for(bounds);
  CHECK(programs[0].size() <= 4096);  // the kernel's limit
  unsigned wrong = 0;
  for (std::uint32_t number = 0; number < 6010; ++number) {
    const std::uint32_t below = number == 0 ? 0 : std::min(2000u, (number - 1) / 3 + 1);
    const char* expected = below % 2 == 1 ? "allow" : "ENOSYS";
    if (answer(programs, {AUDIT_ARCH_X86_64, number}) != expected) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("without bounds nothing is allowed") {
  CHECK(answer(program_for({}), {AUDIT_ARCH_X86_64, 0}) == "ENOSYS");
  CHECK(answer({allow_program({})}, {AUDIT_ARCH_X86_64, 0}) == "ENOSYS");
  CHECK(answer({allow_program({"read"})}, {AUDIT_ARCH_S390, 0}) == "ENOSYS");
}
