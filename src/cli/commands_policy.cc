// `gbox policy`: what the sandboxes of steps may do, and why.
#include <cstring>

#include "cells.h"
#include "commands.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/build/policies.h"
#include "gbox/sandbox/explain.h"
#include "gbox/sandbox/policy_change.h"
#include "gbox/sys/file.h"

namespace gbox::cli {

namespace {

using sandbox::Policy;
using sandbox::Ruling;

constexpr std::size_t kPolicyCells = 8;
constexpr std::size_t kLineCells = 100;

// Words under a margin, in lines of bounded length.
std::string paragraph(const std::string& first, const std::vector<std::string>& words) {
  const std::string margin(first.size(), ' ');
  std::string text = first;
  std::size_t used = first.size();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string word = words[i] + (i + 1 < words.size() ? " " : "");
    if (used + word.size() > kLineCells && used > margin.size()) {
      text.erase(text.find_last_not_of(' ') + 1);
      text += '\n' + margin;
      used = margin.size();
    }
    text += word;
    used += word.size();
  }
  return text + '\n';
}

std::string ruling_text(const Ruling& ruling) {
  switch (ruling.kind) {
    case Ruling::Kind::allowed:
      return "allowed by " + ruling.by + ": " + ruling.why;
    case Ruling::Kind::unknown:
      return "unknown, " + std::string(::strerrorname_np(ruling.error_number)) + ": " + ruling.why;
    case Ruling::Kind::refused:
      break;
  }
  return "refused" + (ruling.condition.empty() ? "" : ' ' + ruling.condition) + ", " +
         ::strerrorname_np(ruling.error_number) + ": " + ruling.why + " (" + ruling.by + ')';
}

OrderedJson ruling_json(const Ruling& ruling) {
  OrderedJson json;
  json["answer"] = ruling.kind == Ruling::Kind::allowed   ? "allowed"
                   : ruling.kind == Ruling::Kind::refused ? "refused"
                                                          : "unknown";
  json["errno"] = ruling.error_number == 0 ? OrderedJson()
                                           : OrderedJson(::strerrorname_np(ruling.error_number));
  json["condition"] = ruling.condition;
  json["by"] = ruling.by;
  json["why"] = ruling.why;
  return json;
}

// A built-in one, or a file when it is named like one.
Policy policy_named(const std::string& name) {
  if (name.find('/') == std::string::npos && !name.ends_with(".toml"))
    return sandbox::load_policy(name);
  Policy policy = sandbox::parse_policy(name, sys::read_file(name));
  (void)build::limits_of(policy);
  return policy;
}

std::string rules_text(const std::string& title, const std::vector<sandbox::PathRule>& rules) {
  if (rules.empty()) return {};
  std::string text = '\n' + title + '\n';
  for (const sandbox::PathRule& rule : rules)
    text += paragraph("  ", rule.paths) + "      " + rule.why + '\n';
  return text;
}

std::string shown(const Policy& policy) {
  std::string text = policy.name + ": " + policy.about + '\n';
  if (policy.no_new_privileges) text += "setuid programs gain nothing\n";
  text += "network: " + std::string(to_string(policy.network)) + " at most\n";
  text += "\ncapabilities\n";
  if (policy.grants.empty()) text += "  none\n";
  for (const sandbox::Grant& grant : policy.grants)
    text += paragraph("  ", {join(grant.names, " ") + ": " + grant.why});
  text += "\nsystem calls that are allowed; what is in no group is unknown, ENOSYS\n";
  for (const sandbox::CallGroup& group : policy.groups)
    text += "  " + group.name + ": " + group.about + '\n' +
            paragraph("    ", split_words(join(group.calls, " ")));
  text += "\nsystem calls that are refused all the same; those marked ! whatever a spec says\n";
  for (const sandbox::Refusal& refusal : policy.refusals) {
    const std::string condition = sandbox::condition_text(refusal);
    text += paragraph(refusal.fixed ? "  ! " : "    ", split_words(join(refusal.calls, " "))) +
            "        " + (condition.empty() ? "" : condition + ", ") +
            ::strerrorname_np(refusal.error_number) + ": " + refusal.why + '\n';
  }
  text += rules_text("hidden from the step", policy.hidden);
  text += rules_text("read-only", policy.read_only);
  if (!policy.resources.empty() || !policy.limits.empty()) text += "\nat most\n";
  for (const sandbox::ResourceRule& rule : policy.resources)
    text += paragraph("  ", {rule.name + " = " + std::to_string(rule.most) + ": " + rule.why});
  for (const sandbox::LimitWord& word : policy.limits)
    text += "  " + word.name + " = " + word.text + '\n';
  return text;
}

OrderedJson json_of(const std::vector<sandbox::PathRule>& rules) {
  OrderedJson list = OrderedJson::array();
  for (const sandbox::PathRule& rule : rules)
    list.push_back({{"paths", rule.paths}, {"why", rule.why}, {"where", to_string(rule.where)}});
  return list;
}

OrderedJson json_of(const Policy& policy) {
  OrderedJson json;
  json["policy"] = policy.name;
  json["about"] = policy.about;
  json["digest"] = policy.digest.to_string();
  json["no_new_privileges"] = policy.no_new_privileges;
  json["capabilities"] = policy.capabilities;
  json["allowed"] = policy.allowed_calls;
  OrderedJson refusals = OrderedJson::array();
  for (const sandbox::Refusal& refusal : policy.refusals) {
    OrderedJson one;
    one["calls"] = refusal.calls;
    one["condition"] = sandbox::condition_text(refusal);
    one["errno"] = ::strerrorname_np(refusal.error_number);
    one["why"] = refusal.why;
    one["where"] = to_string(refusal.where);
    one["fixed"] = refusal.fixed;
    refusals.push_back(std::move(one));
  }
  json["refused"] = std::move(refusals);
  json["network"] = to_string(policy.network);
  json["hidden"] = json_of(policy.hidden);
  json["read_only"] = json_of(policy.read_only);
  OrderedJson most = OrderedJson::object();
  for (const sandbox::ResourceRule& rule : policy.resources) most[rule.name] = rule.most;
  json["resources"] = std::move(most);
  json["limits"] = OrderedJson::object();
  for (const sandbox::LimitWord& word : policy.limits) json["limits"][word.name] = word.text;
  return json;
}

std::vector<Policy> policies_to_explain(const PolicyExplainArgs& args) {
  std::vector<Policy> policies;
  if (!args.phase.empty()) {
    std::map<std::string, std::string> overrides;
    for (const auto& [name, value] : args.spec.set) overrides[name] = value;
    auto chosen = build::policies_of_spec(args.spec.path, overrides);
    const auto found = chosen.find(args.phase);
    std::vector<std::string> names;
    for (const auto& [phase, policy] : chosen) names.push_back(phase);
    if (found == chosen.end())
      throw Error("policy explain: no phase " + quoted(args.phase) + " in " +
                      quoted(args.spec.path) + "; there are " + quoted_list(names),
                  ExitCode::usage);
    policies.push_back(std::move(found->second.policy));
  } else if (!args.policy.empty()) {
    policies.push_back(policy_named(args.policy));
  } else {
    for (const std::string& name : sandbox::policy_names())
      policies.push_back(sandbox::load_policy(name));
  }
  return policies;
}

}  // namespace

int cmd_policy_ls(const PolicyListArgs& args, Console& console) {
  OrderedJson list = OrderedJson::array();
  for (const std::string& name : sandbox::policy_names()) {
    const Policy policy = sandbox::load_policy(name);
    if (args.json)
      list.push_back({{"policy", name}, {"about", policy.about}});
    else
      console.result_line(padded(name, kPolicyCells) + policy.about);
  }
  if (args.json) console.result_line(list.dump(2));
  return 0;
}

int cmd_policy_show(const PolicyShowArgs& args, Console& console) {
  const Policy policy = policy_named(args.policy);
  if (args.json)
    console.result_line(json_of(policy).dump(2));
  else
    console.result(shown(policy));
  return 0;
}

int cmd_policy_explain(const PolicyExplainArgs& args, Console& console) {
  const std::vector<sandbox::CallNumber> numbers = sandbox::numbers_of(args.call);
  if (numbers.empty())
    throw Error("policy explain: no system call is called " + quoted(args.call), ExitCode::usage)
        .set_hint(sandbox::call_suggestion(args.call));
  OrderedJson document;
  std::vector<std::string> where;
  document["call"] = args.call;
  for (const sandbox::CallNumber& one : numbers) {
    where.push_back(std::to_string(one.number) + " on " + one.abi);
    document["numbers"][one.abi] = one.number;
  }
  if (!args.json)
    console.result_line(args.call + ": number " + join(where, ", ") +
                        "; calls of other architectures are ENOSYS");
  document["policies"] = OrderedJson::object();
  for (const Policy& policy : policies_to_explain(args)) {
    std::string margin = padded(policy.name, std::max(kPolicyCells, policy.name.size() + 1));
    OrderedJson rulings = OrderedJson::array();
    for (const Ruling& ruling : sandbox::explain(policy, args.call)) {
      rulings.push_back(ruling_json(ruling));
      if (!args.json) console.result_line(margin + printable(ruling_text(ruling)));
      margin.assign(margin.size(), ' ');
    }
    document["policies"][policy.name] = std::move(rulings);
  }
  if (args.json) console.result_line(document.dump(2));
  return 0;
}

int cmd_policy_check(const PolicyCheckArgs& args, Console& console) {
  const Policy policy = sandbox::parse_policy(args.file, sys::read_file(args.file));
  (void)build::limits_of(policy);
  std::vector<std::string> parts;
  for (const std::string& name : sandbox::policy_names())
    if (sandbox::beyond(policy, sandbox::load_policy(name)).empty()) parts.push_back(name);
  if (!parts.empty()) {
    console.result_line(args.file + ": allows nothing beyond " + quoted_list(parts));
    return 0;
  }
  console.result_line(args.file + ": a phase that uses it must say why it widens");
  for (const std::string name : {"emerge", "run"}) {
    const auto more = sandbox::beyond(policy, sandbox::load_policy(name));
    console.result(paragraph("  beyond " + name + ": ", split(join(more, ",\x1f"), '\x1f')));
  }
  return 0;
}

}  // namespace gbox::cli
