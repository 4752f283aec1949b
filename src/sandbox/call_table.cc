#include "call_table.h"

#include <seccomp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

#include "gbox/base/text.h"

namespace gbox::sandbox {

namespace {

constexpr std::uint32_t kTableSize = 1024;         // twice the highest number in use
constexpr std::uint32_t kArmPrivate = 0x000f0000;  // set_tls and its like
constexpr std::uint32_t kArmPrivateSize = 16;

void collect(std::map<std::uint32_t, std::string>& calls, std::uint32_t table, std::uint32_t first,
             std::uint32_t count) {
  for (std::uint32_t number = first; number < first + count; ++number) {
    // By number, not by name: for i386's socket calls libseccomp has only placeholders by name.
    const std::unique_ptr<char, decltype(&std::free)> name(
        seccomp_syscall_resolve_num_arch(table, static_cast<int>(number)), &std::free);
    if (name) calls.emplace(number, name.get());
  }
}

using Tables = std::map<std::uint32_t, std::map<std::uint32_t, std::string>>;

Tables read_tables() {
  Tables tables;
  for (const FilterArchitecture& architecture : filter_architectures())
    for (const std::uint32_t table : architecture.tables) {
      auto& calls = tables[architecture.audit];
      collect(calls, table, table == SCMP_ARCH_X32 ? kX32Bit : 0, kTableSize);
      if (table == SCMP_ARCH_ARM) collect(calls, table, kArmPrivate, kArmPrivateSize);
    }
  return tables;
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

const std::map<std::uint32_t, std::string>& calls_of(std::uint32_t audit) {
  static const Tables tables = read_tables();
  static const std::map<std::uint32_t, std::string> none;
  const auto found = tables.find(audit);
  return found == tables.end() ? none : found->second;
}

std::string call_name(std::uint32_t audit, std::uint32_t number) {
  const auto& calls = calls_of(audit);
  const auto found = calls.find(number);
  return found == calls.end() ? std::string() : found->second;
}

std::string architecture_name(std::uint32_t audit, std::uint32_t number) {
  switch (audit) {
    case SCMP_ARCH_X86_64:
      return (number & kX32Bit) != 0 ? "x32" : "x86-64";
    case SCMP_ARCH_X86:
      return "i386";
    case SCMP_ARCH_AARCH64:
      return "aarch64";
    case SCMP_ARCH_ARM:
      return "arm";
    default: {
      char text[16];
      (void)std::snprintf(text, sizeof text, "0x%x", audit);  // fits
      return text;
    }
  }
}

bool is_call(const std::string& name) {
  // Newer than libseccomp 2.5.0. Where they are unknown, they have no number to be allowed by.
  static const std::set<std::string> newer = {"cachestat",
                                              "close_range",
                                              "epoll_pwait2",
                                              "fchmodat2",
                                              "futex_requeue",
                                              "futex_wait",
                                              "futex_waitv",
                                              "futex_wake",
                                              "landlock_add_rule",
                                              "map_shadow_stack",
                                              "landlock_create_ruleset",
                                              "landlock_restrict_self",
                                              "memfd_secret",
                                              "mount_setattr",
                                              "process_mrelease",
                                              "quotactl_fd",
                                              "set_mempolicy_home_node"};
  return newer.contains(name) || seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR;
}

std::string call_hint(const std::string& name) {
  std::vector<std::string> names;
  for (const FilterArchitecture& architecture : filter_architectures())
    for (const auto& [number, call] : calls_of(architecture.audit)) names.push_back(call);
  const std::string near = nearest(name, names);
  return near.empty() ? "syscalls(2) lists them" : "did you mean " + quoted(near) + "?";
}

}  // namespace gbox::sandbox
