#include "gbox/sandbox/policy.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <mutex>

#include "embedded.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "policy_reader.h"

namespace gbox::sandbox {

namespace {

constexpr std::string_view kGroupsFile = "syscalls";
constexpr std::string_view kRefusalsFile = "refusals";
constexpr std::string_view kBoundsFile = "bounds";

// What a person can open: the tree that gbox was built from has them in this place.
std::string shown_file(std::string_view name) {
  return "policies/" + std::string(name) + ".toml";
}

class PolicyReader {
 public:
  PolicyReader(std::string_view file, const PolicyLibrary& library)
      : file_(file), library_(library) {}

  Policy read(std::string_view text) {
    const toml::table document = parse_toml(file_, text);
    read_groups();
    read_refusal_groups();
    PolicyTable table(document, file_, faults_);
    Policy policy;
    policy.file = file_;
    policy.about = table.string("about");
    policy.network = read_network(table);
    policy.no_new_privileges = table.boolean("no_new_privileges");
    take_groups(table, policy);
    const auto refusals = table.optional_strings("refusals");
    read_bounds(policy);
    for (PolicyTable& entry : table.tables("refuse"))
      policy.refusals.push_back(read_refusal(entry));
    take_refusals(table, refusals, policy);
    for (PolicyTable& entry : table.tables("capability")) take_grant(read_grant(entry), policy);
    for (PolicyTable& entry : table.tables("hide")) policy.hidden.push_back(read_paths(entry));
    for (PolicyTable& entry : table.tables("read_only"))
      policy.read_only.push_back(read_paths(entry));
    for (PolicyTable& entry : table.tables("resource"))
      policy.resources.push_back(read_resource(entry));
    policy.limits = table.words("limits");
    table.done();
    check_hidden(policy);
    faults_.finish();
    policy.digest = sha256(content_of(policy));
    return policy;
  }

 private:
  void read_groups() {
    const std::string file = shown_file(kGroupsFile);
    const toml::table document = parse_toml(file, library_.groups);
    for (const auto& [name, node] : document) {
      if (!node.is_table()) {
        faults_.add({file, node.source().begin.line, node.source().begin.column},
                    quoted(name.str()) + " must be a table");
        continue;
      }
      PolicyTable table(*node.as_table(), file, faults_);
      CallGroup group;
      group.name = name.str();
      group.about = table.string("about");
      group.calls = split_words(table.string("calls"));
      table.done();
      groups_[group.name] = std::move(group);
    }
  }

  void read_refusal_groups() {
    const std::string file = shown_file(kRefusalsFile);
    const toml::table document = parse_toml(file, library_.refusals);
    PolicyTable all(document, file, faults_);
    for (const auto& [name, node] : document)
      for (PolicyTable& entry : all.tables(name.str()))
        refusals_[std::string(name.str())].push_back(read_refusal(entry));
  }

  void read_bounds(Policy& policy) {
    const std::string file = shown_file(kBoundsFile);
    const toml::table document = parse_toml(file, library_.bounds);
    PolicyTable table(document, file, faults_);
    for (PolicyTable& entry : table.tables("capability")) never_.push_back(read_grant(entry));
    for (PolicyTable& entry : table.tables("refuse")) {
      Refusal refusal = read_refusal(entry);
      refusal.fixed = true;
      policy.refusals.push_back(std::move(refusal));
    }
    table.done();
  }

  // "did you mean", or what there is.
  template <class Map>
  static std::string hint_for(const std::string& name, const Map& known) {
    std::vector<std::string> names;
    for (const auto& [one, unused] : known) names.push_back(one);
    const std::string near = nearest(name, names);
    return near.empty() ? "there are " + quoted_list(names) : "did you mean " + quoted(near) + "?";
  }

  void take_groups(PolicyTable& table, Policy& policy) {
    for (const std::string& name : table.strings("syscalls")) {
      const auto found = groups_.find(name);
      if (found == groups_.end()) {
        table.fault(table.where("syscalls"), "unknown group of system calls " + quoted(name),
                    hint_for(name, groups_));
        continue;
      }
      policy.groups.push_back(found->second);
      policy.allowed_calls.insert(policy.allowed_calls.end(), found->second.calls.begin(),
                                  found->second.calls.end());
    }
  }

  void take_refusals(PolicyTable& table, const std::vector<std::string>& names, Policy& policy) {
    for (const std::string& name : names) {
      const auto found = refusals_.find(name);
      if (found == refusals_.end())
        table.fault(table.where("refusals"), "unknown group of refusals " + quoted(name),
                    hint_for(name, refusals_));
      else
        policy.refusals.insert(policy.refusals.end(), found->second.begin(), found->second.end());
    }
  }

  static Network read_network(PolicyTable& table) {
    const std::string word = table.string("network");
    for (const Network network : {Network::none, Network::fetch, Network::host})
      if (word == to_string(network)) return network;
    if (table.has("network"))
      table.fault(table.where("network"),
                  "'network' is the most a phase may ask for: 'none', 'fetch' or 'host'");
    return Network::none;
  }

  void check_hidden(const Policy& policy) {
    for (const PathRule& rule : policy.hidden)
      for (const std::string& path : rule.paths) {
        if (path == "/" || path == "/proc" || path == "/sys" || path == "/dev")
          faults_.add(rule.where, "no program starts without " + quoted(path),
                      "name what lies below it");
        if (const auto why = why_not_hidden(policy, path))
          faults_.add(rule.where, *why, "leave out the path, or the capability");
      }
  }

  void take_grant(Grant grant, Policy& policy) {
    for (const std::string& name : grant.names) {
      for (const Grant& never : never_)
        if (std::find(never.names.begin(), never.names.end(), name) != never.names.end())
          faults_.add(grant.where, "no policy grants " + quoted(name) + ": " + never.why);
      if (std::find(policy.capabilities.begin(), policy.capabilities.end(), name) !=
          policy.capabilities.end())
        faults_.add(grant.where, "capability " + quoted(name) + " is granted twice");
      policy.capabilities.push_back(name);
    }
    policy.grants.push_back(std::move(grant));
  }

  std::string file_;
  const PolicyLibrary& library_;
  Faults faults_;
  std::map<std::string, CallGroup> groups_;
  std::map<std::string, std::vector<Refusal>> refusals_;
  std::vector<Grant> never_;
};

std::string_view embedded(std::string_view name) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.name == name) return file.text;
  return {};
}

PolicyLibrary own_library() {
  return {embedded(kGroupsFile), embedded(kRefusalsFile), embedded(kBoundsFile)};
}

bool meets(const Refusal& refusal, const std::array<std::uint64_t, 6>& arguments) {
  if (refusal.argument < 0) return true;
  const auto value =
      static_cast<std::uint32_t>(arguments.at(static_cast<std::size_t>(refusal.argument)));
  const auto& list = refusal.low32;
  switch (refusal.match) {
    case Refusal::Match::among:
      return std::find(list.begin(), list.end(), value) != list.end();
    case Refusal::Match::other_than:
      return std::find(list.begin(), list.end(), value) == list.end();
    case Refusal::Match::any_bit:
      break;
  }
  return std::any_of(list.begin(), list.end(),
                     [&](std::uint32_t bits) { return (value & bits) != 0; });
}

std::vector<std::string> sorted(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

// "hidden /a /b\n", whichever rules they come from.
std::string paths_line(std::string_view word, const std::vector<PathRule>& rules) {
  if (rules.empty()) return {};
  return std::string(word) + ' ' + join(sorted(paths_of(rules)), " ") + '\n';
}

}  // namespace

std::string_view to_string(Network network) {
  switch (network) {
    case Network::none:
      return "none";
    case Network::fetch:
      return "fetch";
    case Network::host:
      break;
  }
  return "host";
}

std::vector<std::string> paths_of(const std::vector<PathRule>& rules) {
  std::vector<std::string> paths;
  for (const PathRule& rule : rules)
    paths.insert(paths.end(), rule.paths.begin(), rule.paths.end());
  return paths;
}

std::optional<std::string> why_not_hidden(const Policy& policy, std::string_view path) {
  if (!path.starts_with("/proc/")) return std::nullopt;
  if (std::find(policy.capabilities.begin(), policy.capabilities.end(), "SYS_ADMIN") ==
      policy.capabilities.end())
    return std::nullopt;
  return "with SYS_ADMIN, " + quoted(path) +
         " cannot be hidden: a step could uncover it, and could mount no proc of its own";
}

int Decision::error_number() const noexcept {
  switch (kind) {
    case Kind::allowed:
      return 0;
    case Kind::refused:
      return refusal->error_number;
    case Kind::unknown:
      break;
  }
  return ENOSYS;
}

Decision decide(const Policy& policy, std::string_view call,
                const std::array<std::uint64_t, 6>& arguments) {
  for (const Refusal& refusal : policy.refusals)
    if (std::find(refusal.calls.begin(), refusal.calls.end(), call) != refusal.calls.end() &&
        meets(refusal, arguments))
      return {Decision::Kind::refused, &refusal};
  const auto& allowed = policy.allowed_calls;
  const bool known = std::find(allowed.begin(), allowed.end(), call) != allowed.end();
  return {known ? Decision::Kind::allowed : Decision::Kind::unknown, nullptr};
}

std::string content_of(const Policy& policy) {
  std::string content = "capabilities " + join(sorted(policy.capabilities), " ") + "\nallowed " +
                        join(sorted(policy.allowed_calls), " ") + '\n';
  if (policy.no_new_privileges) content += "no_new_privileges\n";
  content += paths_line("hidden", policy.hidden) + paths_line("read_only", policy.read_only);
  for (const ResourceRule& rule : policy.resources)
    content += "resource " + rule.name + ' ' + std::to_string(rule.most) + '\n';
  for (const Refusal& refusal : policy.refusals) {
    content += "refused " + join(sorted(refusal.calls), " ") + ' ' +
               std::to_string(refusal.error_number) + ' ' + std::to_string(refusal.argument) + ' ' +
               std::to_string(static_cast<int>(refusal.match));
    for (const std::uint32_t value : refusal.low32) content += ' ' + std::to_string(value);
    content += '\n';
  }
  return content;
}

std::string condition_text(const Refusal& refusal) {
  if (refusal.argument < 0) return {};
  std::vector<std::string> values;
  for (const std::uint32_t value : refusal.low32) {
    std::array<char, 16> text{};
    (void)std::snprintf(text.data(), text.size(), value < 10 ? "%u" : "0x%x", value);  // fits
    values.emplace_back(text.data());
  }
  const std::string list = join(values, ", ");
  const std::string argument = "argument " + std::to_string(refusal.argument + 1);
  switch (refusal.match) {
    case Refusal::Match::among:
      return "when " + argument + " is " + (values.size() > 1 ? "one of " : "") + list;
    case Refusal::Match::other_than:
      return "unless " + argument + " is " + (values.size() > 1 ? "one of " : "") + list;
    case Refusal::Match::any_bit:
      break;
  }
  return "when " + argument + " has a bit of " + list;
}

Policy parse_policy(std::string_view file, std::string_view text, const PolicyLibrary& library) {
  Policy policy = PolicyReader(file, library).read(text);
  policy.name = file;
  return policy;
}

Policy parse_policy(std::string_view file, std::string_view text) {
  return parse_policy(file, text, own_library());
}

std::optional<std::string> bound_of(std::string_view capability) {
  Faults faults;
  const std::string file = shown_file(kBoundsFile);
  const toml::table document = parse_toml(file, embedded(kBoundsFile));
  PolicyTable table(document, file, faults);
  for (PolicyTable& entry : table.tables("capability")) {
    const Grant never = read_grant(entry);
    if (std::find(never.names.begin(), never.names.end(), capability) != never.names.end())
      return never.why;
  }
  return std::nullopt;
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files())
    if (file.name != kGroupsFile && file.name != kRefusalsFile && file.name != kBoundsFile)
      names.emplace_back(file.name);
  return names;
}

Policy load_policy(std::string_view name) {
  const std::vector<std::string> names = policy_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    Error error("no policy " + quoted(name) + "; there are " + quoted_list(names), ExitCode::usage);
    if (const std::string near = nearest(name, names); !near.empty())
      error.set_hint("did you mean " + quoted(near) + "?");
    throw error;
  }
  // Kept: a build starts hundreds of sandboxes under one or two of them.
  static std::mutex guard;
  static std::map<std::string, Policy, std::less<>> loaded;
  const std::scoped_lock lock(guard);
  if (const auto found = loaded.find(name); found != loaded.end()) return found->second;
  Policy policy = parse_policy(shown_file(name), embedded(name));
  policy.name = name;
  return loaded.emplace(std::string(name), std::move(policy)).first->second;
}

}  // namespace gbox::sandbox
