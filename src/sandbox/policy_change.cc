#include "gbox/sandbox/policy_change.h"

#include <sys/capability.h>

#include <algorithm>
#include <array>
#include <set>

#include "call_table.h"
#include "gbox/base/text.h"
#include "policy_reader.h"

namespace gbox::sandbox {

namespace {

// gbox-init and every program's start make these; without them nothing begins, and what is said
// about that would be a riddle.
constexpr std::array<std::string_view, 3> kNeededGroups = {"files", "memory", "processes"};
constexpr std::array<std::string_view, 16> kNeededCalls = {
    "execve", "execveat", "exit",   "exit_group",   "read",         "write", "close", "mmap",
    "brk",    "prctl",    "capset", "rt_sigaction", "rt_sigreturn", "clone", "wait4", "sendmsg"};

template <class List>
bool has(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string hint_for(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : "did you mean " + quoted(near) + "?";
}

// As people write them: with or without CAP_, in either case.
std::string capability_name(const Word& word, Faults& faults) {
  std::string name;
  for (const char c : word.value)
    name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (name.starts_with("CAP_")) name.erase(0, 4);
  cap_value_t value = 0;
  if (::cap_from_name(("cap_" + name).c_str(), &value) == 0) return name;
  faults.add(word.where, "unknown capability " + quoted(word.value), "capabilities(7) lists them");
  return {};
}

std::vector<std::string> group_names(const Policy& policy) {
  std::vector<std::string> names;
  for (const CallGroup& group : policy.groups) names.push_back(group.name);
  return names;
}

void remove_capabilities(Policy& policy, const Narrowing& narrowing, Faults& faults) {
  for (const Word& word : narrowing.capabilities) {
    const std::string name = capability_name(word, faults);
    if (name.empty()) continue;
    if (!has(policy.capabilities, name)) {
      faults.add(word.where, "policy " + quoted(policy.name) + " does not grant " + quoted(name),
                 hint_for(name, policy.capabilities));
      continue;
    }
    std::erase(policy.capabilities, name);
    for (Grant& grant : policy.grants) std::erase(grant.names, name);
    std::erase_if(policy.grants, [](const Grant& grant) { return grant.names.empty(); });
  }
}

// Calls of the groups that go, but for those that another group has as well.
std::vector<std::string> remove_groups(Policy& policy, const Narrowing& narrowing, Faults& faults) {
  std::vector<std::string> gone;
  for (const Word& word : narrowing.groups) {
    const auto found =
        std::find_if(policy.groups.begin(), policy.groups.end(),
                     [&](const CallGroup& group) { return group.name == word.value; });
    if (has(kNeededGroups, word.value)) {
      faults.add(word.where, "no program starts without the group " + quoted(word.value),
                 "name the calls it should not make: 'calls = […]'");
    } else if (found == policy.groups.end()) {
      faults.add(word.where,
                 "policy " + quoted(policy.name) + " does not allow the group " +
                     quoted(word.value) + "; it allows " + quoted_list(group_names(policy)),
                 hint_for(word.value, group_names(policy)));
    } else {
      gone.insert(gone.end(), found->calls.begin(), found->calls.end());
      policy.groups.erase(found);
    }
  }
  return gone;
}

// The refusals of one call, but for those that nothing lifts.
void lift(Policy& policy, const std::string& call) {
  for (Refusal& refusal : policy.refusals)
    if (!refusal.fixed) std::erase(refusal.calls, call);
  std::erase_if(policy.refusals, [](const Refusal& refusal) { return refusal.calls.empty(); });
}

const Refusal* unconditional_bound(const Policy& policy, const std::string& call) {
  for (const Refusal& refusal : policy.refusals)
    if (refusal.fixed && refusal.argument < 0 && has(refusal.calls, call)) return &refusal;
  return nullptr;
}

bool is_lifted_by_nothing(const Policy& policy, const std::string& call) {
  return std::none_of(policy.refusals.begin(), policy.refusals.end(), [&](const Refusal& refusal) {
    return !refusal.fixed && has(refusal.calls, call);
  });
}

void add_capabilities(Policy& policy, const Widening& widening, Faults& faults) {
  Grant grant{{}, widening.why, widening.where};
  for (const Word& word : widening.capabilities) {
    const std::string name = capability_name(word, faults);
    if (name.empty()) continue;
    if (const auto why = bound_of(name)) {
      faults.add(word.where, "no policy grants " + quoted(name) + ": " + *why);
    } else if (has(policy.capabilities, name)) {
      faults.add(word.where,
                 "policy " + quoted(policy.name) + " grants " + quoted(name) + " already",
                 "leave it out");
    } else {
      grant.names.push_back(name);
      policy.capabilities.push_back(name);
      for (const std::string& path : paths_of(policy.hidden))
        if (const auto why_not = why_not_hidden(policy, path)) {
          faults.add(word.where,
                     "policy " + quoted(policy.name) + " hides what this would show: " + *why_not,
                     "take a policy that hides nothing below /proc");
          break;
        }
    }
  }
  if (!grant.names.empty()) policy.grants.push_back(std::move(grant));
}

void add_calls(Policy& policy, const Widening& widening, Faults& faults) {
  CallGroup group{"widen", widening.why, {}};
  for (const Word& word : widening.calls) {
    const std::string& call = word.value;
    if (!is_call(call)) {
      faults.add(word.where, "unknown system call " + quoted(call), call_hint(call));
    } else if (const Refusal* bound = unconditional_bound(policy, call)) {
      faults.add(word.where, "no policy allows " + quoted(call) + ": " + bound->why);
    } else if (has(policy.allowed_calls, call) && is_lifted_by_nothing(policy, call)) {
      faults.add(word.where,
                 "policy " + quoted(policy.name) + " allows " + quoted(call) + " already",
                 "leave it out");
    } else {
      lift(policy, call);
      if (!has(policy.allowed_calls, call)) {
        policy.allowed_calls.push_back(call);
        group.calls.push_back(call);
      }
    }
  }
  if (!group.calls.empty()) policy.groups.push_back(std::move(group));
}

// Whether every call with these arguments that `wanted` refuses is refused by `given` as well.
bool covers(const Refusal& given, const Refusal& wanted) {
  if (given.argument < 0) return true;
  if (given.argument != wanted.argument || given.match != wanted.match) return false;
  const auto in = [](const Refusal& refusal) {
    return std::set<std::uint32_t>(refusal.low32.begin(), refusal.low32.end());
  };
  const std::set<std::uint32_t> has_values = in(given), wants = in(wanted);
  // What is refused besides the exceptions grows as those get fewer.
  if (given.match == Refusal::Match::other_than)
    return std::includes(wants.begin(), wants.end(), has_values.begin(), has_values.end());
  return std::includes(has_values.begin(), has_values.end(), wants.begin(), wants.end());
}

void add_missing_paths(std::vector<std::string>& more, const std::string& word,
                       const std::vector<PathRule>& given, const std::vector<PathRule>& wanted) {
  const std::vector<std::string> paths = paths_of(given);
  for (const std::string& path : paths_of(wanted))
    if (!has(paths, path)) more.push_back(word + path);
}

std::uint64_t most_of(const Policy& policy, const std::string& resource) {
  for (const ResourceRule& rule : policy.resources)
    if (rule.name == resource) return rule.most;
  return UINT64_MAX;
}

bool refuses_as_much(const Policy& policy, const std::string& call, const Refusal& wanted) {
  return std::any_of(policy.refusals.begin(), policy.refusals.end(), [&](const Refusal& given) {
    return has(given.calls, call) && covers(given, wanted);
  });
}

}  // namespace

void narrow(Policy& policy, const Narrowing& narrowing) {
  Faults faults;
  remove_capabilities(policy, narrowing, faults);
  Refusal refusal;
  refusal.calls = remove_groups(policy, narrowing, faults);
  refusal.why = "the spec narrows the policy";
  refusal.where = narrowing.where;
  for (const Word& word : narrowing.calls) {
    if (!is_call(word.value))
      faults.add(word.where, "unknown system call " + quoted(word.value), call_hint(word.value));
    else if (has(kNeededCalls, word.value))
      faults.add(word.where, "no program starts without " + quoted(word.value), "leave it out");
    else if (!has(policy.allowed_calls, word.value))
      faults.add(word.where,
                 "policy " + quoted(policy.name) + " does not allow " + quoted(word.value),
                 "leave it out");
    else
      refusal.calls.push_back(word.value);
  }
  for (const std::string& call : refusal.calls) std::erase(policy.allowed_calls, call);
  if (!refusal.calls.empty()) policy.refusals.push_back(std::move(refusal));
  faults.finish();
  policy.digest = sha256(content_of(policy));
}

void widen(Policy& policy, const Widening& widening) {
  Faults faults;
  add_capabilities(policy, widening, faults);
  add_calls(policy, widening, faults);
  faults.finish();
  policy.digest = sha256(content_of(policy));
}

std::vector<std::string> beyond(const Policy& policy, const Policy& other) {
  std::vector<std::string> more;
  for (const std::string& name : policy.capabilities)
    if (!has(other.capabilities, name)) more.push_back("capability " + name);
  if (other.no_new_privileges && !policy.no_new_privileges) more.emplace_back("setuid programs");
  if (policy.network > other.network)
    more.push_back("network " + std::string(to_string(policy.network)));
  add_missing_paths(more, "sight of ", policy.hidden, other.hidden);
  add_missing_paths(more, "writing below ", policy.read_only, other.read_only);
  for (const ResourceRule& rule : other.resources)
    if (most_of(policy, rule.name) > rule.most) more.push_back("resource " + rule.name);
  const std::set<std::string> calls(policy.allowed_calls.begin(), policy.allowed_calls.end());
  for (const std::string& call : calls) {
    const std::array<std::uint64_t, 6> none{};
    const Decision here = decide(policy, call, none);
    if (here.kind == Decision::Kind::refused && here.refusal->argument < 0) continue;
    bool more_here = !has(other.allowed_calls, call);
    for (const Refusal& refusal : other.refusals)
      if (has(refusal.calls, call) && !refuses_as_much(policy, call, refusal)) more_here = true;
    if (more_here) more.push_back("system call " + call);
  }
  return more;
}

}  // namespace gbox::sandbox
