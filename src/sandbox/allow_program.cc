#include "allow_program.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <set>
#include <span>

namespace gbox::sandbox {

namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kTableSize = 1024;         // twice the highest number in use
constexpr std::uint32_t kArmPrivate = 0x000f0000;  // set_tls and its like
constexpr std::uint32_t kArmPrivateSize = 16;

sock_filter statement(std::uint16_t code, std::uint32_t value) {
  return {code, 0, 0, value};
}

sock_filter answer(bool allowed) {
  return statement(BPF_RET | BPF_K, allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS);
}

void append(std::vector<sock_filter>& program, const std::vector<sock_filter>& more) {
  program.insert(program.end(), more.begin(), more.end());
}

// `before`: how many bounds lie below these; the parity of all of them decides.
std::vector<sock_filter> search(std::span<const std::uint32_t> bounds, std::size_t before) {
  if (bounds.empty()) return {answer(before % 2 == 1)};
  const std::size_t middle = bounds.size() / 2;
  const auto low = search(bounds.first(middle), before);
  const auto high = search(bounds.subspan(middle + 1), before + middle + 1);
  std::vector<sock_filter> program;
  // Conditional jumps reach 255 instructions, 'ja' any distance.
  if (low.size() <= 255) {
    program.push_back(
        {BPF_JMP | BPF_JGE | BPF_K, static_cast<std::uint8_t>(low.size()), 0, bounds[middle]});
  } else {
    program.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 1, bounds[middle]});
    program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(low.size())));
  }
  append(program, low);
  append(program, high);
  return program;
}

void collect(std::set<std::uint32_t>& numbers, std::uint32_t table, std::uint32_t first,
             std::uint32_t count, const std::set<std::string>& names) {
  for (std::uint32_t number = first; number < first + count; ++number) {
    const std::unique_ptr<char, decltype(&std::free)> name(
        seccomp_syscall_resolve_num_arch(table, static_cast<int>(number)), &std::free);
    if (name && names.contains(name.get())) numbers.insert(number);
  }
}

// By number, not by name: for i386's socket calls libseccomp has only placeholders by name.
std::set<std::uint32_t> allowed_numbers(const FilterArchitecture& architecture,
                                        const std::set<std::string>& names) {
  std::set<std::uint32_t> numbers;
  for (const std::uint32_t table : architecture.tables) {
    collect(numbers, table, table == SCMP_ARCH_X32 ? kX32Bit : 0, kTableSize, names);
    if (table == SCMP_ARCH_ARM) collect(numbers, table, kArmPrivate, kArmPrivateSize, names);
  }
  return numbers;
}

std::vector<std::uint32_t> bounds_of(const std::set<std::uint32_t>& numbers) {
  std::vector<std::uint32_t> bounds;
  for (const std::uint32_t number : numbers) {
    if (!bounds.empty() && bounds.back() == number) {
      bounds.back() = number + 1;
    } else {
      bounds.push_back(number);
      bounds.push_back(number + 1);
    }
  }
  return bounds;
}

}  // namespace

std::vector<FilterArchitecture> filter_architectures() {
  // libseccomp's names for architectures are the kernel's audit values, but for x32's.
  const std::uint32_t native = seccomp_arch_native();
  if (native == SCMP_ARCH_X86_64)
    return {{native, {SCMP_ARCH_X86_64, SCMP_ARCH_X32}}, {SCMP_ARCH_X86, {SCMP_ARCH_X86}}};
  if (native == SCMP_ARCH_AARCH64)
    return {{native, {SCMP_ARCH_AARCH64}}, {SCMP_ARCH_ARM, {SCMP_ARCH_ARM}}};
  return {{native, {native}}};
}

std::vector<sock_filter> search_program(const std::vector<std::uint32_t>& bounds) {
  return search(bounds, 0);
}

std::vector<sock_filter> allow_program(const std::vector<std::string>& names) {
  const std::set<std::string> wanted(names.begin(), names.end());
  std::vector<sock_filter> program = {
      statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch))};
  for (const FilterArchitecture& architecture : filter_architectures()) {
    std::vector<sock_filter> part = {
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    append(part, search_program(bounds_of(allowed_numbers(architecture, wanted))));
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, architecture.audit});
    program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(part.size())));
    append(program, part);
  }
  program.push_back(answer(false));
  return program;
}

}  // namespace gbox::sandbox
