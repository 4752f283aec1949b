#include "search_program.h"

#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>

#include "bpf.h"

using namespace gbox::sandbox;
using gbox::tests::answer;

namespace {

Program ends_with(std::uint32_t action) {
  return {statement(BPF_RET | BPF_K, action)};
}

// search_program() expects the call's number where a filter has loaded it.
std::vector<Program> program_for(const std::vector<std::uint32_t>& bounds,
                                 const std::vector<Program>& ends) {
  Program program = {statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  append(program, search_program(bounds, ends));
  return {program};
}

}  // namespace

TEST_CASE("the search answers right at and beside every bound, also past the reach of a jump") {
  std::vector<std::uint32_t> bounds;
  std::vector<Program> ends = {ends_with(SECCOMP_RET_ERRNO | ENOSYS)};
  for (std::uint32_t i = 0; i < 1300; ++i) {
    bounds.push_back(3 * i + 1);
    ends.push_back(ends_with(i % 2 == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM));
  }
  const auto programs = program_for(bounds, ends);
  CHECK(programs[0].size() <= 4096);  // the kernel's limit
  unsigned wrong = 0;
  for (std::uint32_t number = 0; number < 4000; ++number) {
    const std::uint32_t below = number == 0 ? 0 : std::min(1300u, (number - 1) / 3 + 1);
    const char* expected = below == 0 ? "ENOSYS" : below % 2 == 1 ? "allow" : "EPERM";
    if (answer(programs, {AUDIT_ARCH_X86_64, number}) != expected) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("an end of many instructions is jumped over whole") {
  Program longer;
  for (int i = 0; i < 300; ++i)
    longer.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 0, static_cast<std::uint32_t>(i)});
  append(longer, ends_with(SECCOMP_RET_ERRNO | EPERM));
  const auto programs =
      program_for({7, 8}, {ends_with(SECCOMP_RET_ALLOW), longer, ends_with(SECCOMP_RET_ALLOW)});
  CHECK(answer(programs, {AUDIT_ARCH_X86_64, 6}) == "allow");
  CHECK(answer(programs, {AUDIT_ARCH_X86_64, 7}) == "EPERM");
  CHECK(answer(programs, {AUDIT_ARCH_X86_64, 8}) == "allow");
}

TEST_CASE("without bounds there is one answer") {
  CHECK(answer(program_for({}, {ends_with(SECCOMP_RET_ERRNO | ENOSYS)}), {AUDIT_ARCH_X86_64, 0}) ==
        "ENOSYS");
}
