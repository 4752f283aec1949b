#include "gbox/sandbox/explain.h"

#include <algorithm>

#include "call_table.h"
#include "gbox/base/text.h"

namespace gbox::sandbox {

namespace {

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

std::vector<Ruling> explain(const Policy& policy, const std::string& call) {
  std::vector<Ruling> rulings;
  for (const Refusal& refusal : policy.refusals) {
    if (!has(refusal.calls, call)) continue;
    rulings.push_back({Ruling::Kind::refused, refusal.error_number, condition_text(refusal),
                       to_string(refusal.where), refusal.why});
    if (refusal.argument < 0) return rulings;
  }
  for (const CallGroup& group : policy.groups)
    if (has(group.calls, call) && has(policy.allowed_calls, call)) {
      rulings.push_back({Ruling::Kind::allowed, 0, {}, "group " + quoted(group.name), group.about});
      return rulings;
    }
  rulings.push_back(
      {Ruling::Kind::unknown, ENOSYS, {}, {}, "as on a kernel that has no such call"});
  return rulings;
}

std::vector<CallNumber> numbers_of(const std::string& call) {
  std::vector<CallNumber> found;
  for (const FilterArchitecture& architecture : filter_architectures())
    for (const auto& [number, name] : calls_of(architecture.audit))
      if (name == call) {
        const std::string abi = architecture_name(architecture.audit, number);
        found.push_back({abi, abi == "x32" ? number & ~kX32Bit : number});
      }
  return found;
}

std::string call_suggestion(const std::string& call) {
  return call_hint(call);
}

std::string abi_of(std::uint32_t architecture, std::uint32_t number) {
  return architecture_name(architecture, number);
}

std::string native_abi() {
  return architecture_name(filter_architectures().front().audit, 0);
}

}  // namespace gbox::sandbox
