#include "bpf.h"

#include <linux/seccomp.h>

#include <cstring>
#include <stdexcept>

namespace gbox::tests {

namespace {

std::uint32_t load(const seccomp_data& data, std::uint32_t offset) {
  if (offset % 4 != 0 || offset + 4 > sizeof data) throw std::runtime_error("load out of bounds");
  std::uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, sizeof word);
  return word;
}

bool holds(std::uint16_t code, std::uint32_t left, std::uint32_t right) {
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      return left == right;
    case BPF_JGT:
      return left > right;
    case BPF_JGE:
      return left >= right;
    case BPF_JSET:
      return (left & right) != 0;
    default:
      throw std::runtime_error("unknown comparison");
  }
}

std::uint32_t run(const std::vector<sock_filter>& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    if (step.code == (BPF_LD | BPF_W | BPF_ABS)) {
      accumulator = load(data, step.k);
    } else if (step.code == (BPF_ALU | BPF_AND | BPF_K)) {
      accumulator &= step.k;
    } else if (step.code == (BPF_RET | BPF_K)) {
      return step.k;
    } else if (step.code == (BPF_JMP | BPF_JA)) {
      at += step.k;
    } else if (BPF_CLASS(step.code) == BPF_JMP && BPF_SRC(step.code) == BPF_K) {
      at += holds(step.code, accumulator, step.k) ? step.jt : step.jf;
    } else {
      throw std::runtime_error("an instruction this interpreter does not know");
    }
  }
  throw std::runtime_error("the program has no end");
}

}  // namespace

std::string answer(const std::vector<std::vector<sock_filter>>& programs, const Call& call) {
  seccomp_data data{};
  data.arch = call.architecture;
  data.nr = static_cast<int>(call.number);
  for (std::size_t i = 0; i < call.arguments.size(); ++i) data.args[i] = call.arguments[i];
  // As seccomp(2) has it: all are run, the last one installed first; the strictest action wins,
  // and of equal ones the first met.
  std::uint32_t verdict = SECCOMP_RET_ALLOW;
  for (auto program = programs.rbegin(); program != programs.rend(); ++program) {
    const std::uint32_t one = run(*program, data);
    if ((one & SECCOMP_RET_ACTION_FULL) < (verdict & SECCOMP_RET_ACTION_FULL)) verdict = one;
  }
  if (verdict == SECCOMP_RET_ALLOW) return "allow";
  if (verdict == SECCOMP_RET_USER_NOTIF) return "notify";
  if ((verdict & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
    throw std::runtime_error("a verdict that is neither an errno nor leave");
  return strerrorname_np(static_cast<int>(verdict & SECCOMP_RET_DATA));
}

}  // namespace gbox::tests
