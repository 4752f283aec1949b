#include "filter.h"

#include <seccomp.h>
#include <sys/mman.h>

#include <cerrno>
#include <map>
#include <memory>
#include <mutex>

#include "allow_program.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"

namespace gbox::sandbox {

namespace {

// libseccomp returns negative errno values.
void check(int result, const std::string& deed) {
  if (result < 0) throw SysError(-result, "seccomp: " + deed, ExitCode::host);
}

void add_refusal(scmp_filter_ctx filter, const Refusal& refusal, int call) {
  const std::uint32_t action = SCMP_ACT_ERRNO(EPERM);
  if (refusal.argument < 0) {
    check(seccomp_rule_add_array(filter, action, call, 0, nullptr), "add a refusal");
    return;
  }
  for (const std::uint32_t value : refusal.low32) {
    const scmp_arg_cmp comparison = {static_cast<unsigned>(refusal.argument), SCMP_CMP_MASKED_EQ,
                                     0xffffffff, value};
    check(seccomp_rule_add_array(filter, action, call, 1, &comparison), "add a refusal");
  }
}

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

void add_related_architectures(scmp_filter_ctx filter) {
  for (const FilterArchitecture& architecture : filter_architectures())
    for (const std::uint32_t table : architecture.tables) {
      const int result = seccomp_arch_add(filter, table);
      if (result != -EEXIST) check(result, "add an architecture");
    }
}

Filter make_refusals() {
  Filter filter(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
  if (!filter) throw Error("seccomp: no memory for a filter", ExitCode::host);
  check(seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)),
        "set the action for unknown architectures");
  add_related_architectures(filter.get());
  return filter;
}

std::vector<sock_filter> export_program(const Filter& filter) {
  const sys::Fd memory(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory) throw SysError(errno, "seccomp: make a memory file", ExitCode::host);
  check(seccomp_export_bpf(filter.get(), memory.get()), "export the filter");
  const auto size = static_cast<std::size_t>(sys::fstat(memory.get()).st_size);
  std::vector<sock_filter> program(size / sizeof(sock_filter));
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) throw SysError(errno, "seccomp: read the filter");
  (void)sys::read_full(memory.get(), std::as_writable_bytes(std::span(program)), "the filter");
  return program;
}

std::vector<std::vector<sock_filter>> make_programs(const Policy& policy) {
  const Filter refused = make_refusals();
  for (const Refusal& refusal : policy.refusals)
    for (const std::string& name : refusal.calls) {
      const int call = seccomp_syscall_resolve_name(name.c_str());
      if (call != __NR_SCMP_ERROR) add_refusal(refused.get(), refusal, call);
    }
  return {allow_program(policy.allowed_calls), export_program(refused)};
}

// All that decides the programs, as one word. Not the digest: that is of a file, and a policy may
// be changed after it was read.
std::string content_of(const Policy& policy) {
  std::string content = join(policy.allowed_calls, " ");
  for (const Refusal& refusal : policy.refusals) {
    content += "; " + join(refusal.calls, " ") + ' ' + std::to_string(refusal.argument);
    for (const std::uint32_t value : refusal.low32) content += ' ' + std::to_string(value);
  }
  return content;
}

}  // namespace

std::vector<std::vector<sock_filter>> seccomp_programs(const Policy& policy) {
  // Kept, as a build starts hundreds of sandboxes under one or two policies, and making the
  // programs would be an eighth of the work of each.
  static std::mutex guard;
  static std::map<std::string, std::vector<std::vector<sock_filter>>> made;
  const std::string content = content_of(policy);
  const std::scoped_lock lock(guard);
  const auto found = made.find(content);
  if (found != made.end()) return found->second;
  return made.emplace(content, make_programs(policy)).first->second;
}

}  // namespace gbox::sandbox
