#include "filter.h"

#include <linux/seccomp.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <map>
#include <mutex>

#include "call_table.h"

namespace gbox::sandbox {

namespace {

sock_filter answer(std::uint32_t action) {
  return statement(BPF_RET | BPF_K, action);
}

// The low half of an argument: what the kernel itself looks at where a call takes an int.
sock_filter load_argument(int argument) {
  const std::size_t low_half = std::endian::native == std::endian::little ? 0 : 4;
  return statement(BPF_LD | BPF_W | BPF_ABS,
                   static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                              8 * static_cast<std::size_t>(argument) + low_half));
}

class Compiler {
 public:
  Compiler(const Policy& policy, const Notifications& notifications)
      : notifications_(notifications),
        allowed_(policy.allowed_calls.begin(), policy.allowed_calls.end()) {
    for (const Refusal& refusal : policy.refusals)
      for (const std::string& call : refusal.calls) refusals_[call].push_back(&refusal);
  }

  [[nodiscard]] Program program() const {
    Program program = {statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch))};
    for (const FilterArchitecture& architecture : filter_architectures()) {
      Program part = {statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
      append(part, part_for(architecture.audit));
      program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, architecture.audit});
      program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(part.size())));
      append(program, part);
    }
    append(program, unknown());
    return program;
  }

 private:
  [[nodiscard]] std::uint32_t refused(int error_number) const {
    if (notifications_.refusals) return SECCOMP_RET_USER_NOTIF;
    return SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error_number) & SECCOMP_RET_DATA);
  }
  [[nodiscard]] Program unknown() const { return {answer(refused(ENOSYS))}; }

  // Refuses what meets the condition and goes on behind itself otherwise.
  [[nodiscard]] Program check(const Refusal& refusal) const {
    Program program = {load_argument(refusal.argument)};
    const sock_filter refuse = answer(refused(refusal.error_number));
    for (std::size_t i = 0; i < refusal.low32.size(); ++i) {
      const std::uint32_t value = refusal.low32[i];
      switch (refusal.match) {
        case Refusal::Match::among:
          program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value});
          program.push_back(refuse);
          break;
        case Refusal::Match::any_bit:
          program.push_back({BPF_JMP | BPF_JSET | BPF_K, 0, 1, value});
          program.push_back(refuse);
          break;
        case Refusal::Match::other_than:
          // Past the rest of the list and the refusal behind it.
          program.push_back({BPF_JMP | BPF_JEQ | BPF_K,
                             static_cast<std::uint8_t>(refusal.low32.size() - i), 0, value});
          break;
      }
    }
    if (refusal.match == Refusal::Match::other_than) program.push_back(refuse);
    return program;
  }

  [[nodiscard]] Program end_for(const std::string& call) const {
    Program program;
    if (const auto found = refusals_.find(call); found != refusals_.end())
      for (const Refusal* refusal : found->second) {
        if (refusal->argument < 0) {
          program.push_back(answer(refused(refusal->error_number)));
          return program;
        }
        append(program, check(*refusal));
      }
    const auto condition = notifications_.only_with.find(call);
    if (!allowed_.contains(call)) {
      append(program, unknown());
      return program;
    }
    if (condition != notifications_.only_with.end()) {
      program.push_back(load_argument(condition->second.argument));
      program.push_back({BPF_JMP | BPF_JSET | BPF_K, 0, 1, condition->second.bits});
      program.push_back(answer(SECCOMP_RET_USER_NOTIF));
      program.push_back(answer(SECCOMP_RET_ALLOW));
    } else {
      program.push_back(
          answer(notifications_.calls.contains(call) ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW));
    }
    return program;
  }

  [[nodiscard]] Program part_for(std::uint32_t audit) const {
    std::vector<std::uint32_t> bounds;
    std::vector<Program> ends = {unknown()};
    const auto from = [&](std::uint32_t number, Program end) {
      if (same(ends.back(), end)) return;
      bounds.push_back(number);
      ends.push_back(std::move(end));
    };
    std::uint32_t next = 0;
    for (const auto& [number, call] : calls_of(audit)) {
      if (number != next) from(next, unknown());
      from(number, end_for(call));
      next = number + 1;
    }
    from(next, unknown());
    return search_program(bounds, ends);
  }

  static bool same(const Program& a, const Program& b) {
    if (a.size() != 1 || b.size() != 1) return false;
    return a.front().k == b.front().k;  // both are returns
  }

  const Notifications& notifications_;
  std::set<std::string> allowed_;
  std::map<std::string, std::vector<const Refusal*>> refusals_;
};

}  // namespace

Program seccomp_program(const Policy& policy, const Notifications& notifications) {
  // Kept, as a build starts hundreds of sandboxes under one or two policies, and making the
  // program would be an eighth of the work of each.
  static std::mutex guard;
  static std::map<std::string, Program> made;
  // Not by its digest: a policy may be changed after it was read.
  std::string content = content_of(policy) + (notifications.refusals ? "all" : "");
  for (const std::string& call : notifications.calls) content += ' ' + call;
  for (const auto& [call, when] : notifications.only_with)
    content += ' ' + call + std::to_string(when.argument) + ':' + std::to_string(when.bits);
  const std::scoped_lock lock(guard);
  const auto found = made.find(content);
  if (found != made.end()) return found->second;
  return made.emplace(content, Compiler(policy, notifications).program()).first->second;
}

}  // namespace gbox::sandbox
