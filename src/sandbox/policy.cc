#include "gbox/sandbox/policy.h"

#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <set>

#include "embedded.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::sandbox {

namespace {

constexpr std::string_view kGroupsFile = "syscalls";

// Reads one table of a policy file; every key must be asked for, or it is unknown.
class Reader {
 public:
  Reader(const toml::table& table, std::string file) : table_(table), file_(std::move(file)) {}

  [[noreturn]] void fail(const std::string& why) const {
    const auto line = table_.source().begin.line;
    throw Error("read policy " + quoted(file_) + ", line " + std::to_string(line) + ": " + why,
                ExitCode::usage);
  }
  std::string string(std::string_view key) {
    const auto value = node(key).value<std::string>();
    if (!value) fail(quoted(key) + " must be a string");
    return *value;
  }
  std::vector<std::string> strings(std::string_view key) {
    std::vector<std::string> result;
    const toml::array* array = node(key).as_array();
    if (array == nullptr) fail(quoted(key) + " must be an array of strings");
    for (const toml::node& element : *array) {
      const auto value = element.value<std::string>();
      if (!value) fail(quoted(key) + " must be an array of strings");
      result.push_back(*value);
    }
    return result;
  }
  std::vector<std::uint32_t> numbers(std::string_view key) {
    std::vector<std::uint32_t> result;
    const toml::array* array = node(key).as_array();
    if (array == nullptr) fail(quoted(key) + " must be an array of numbers");
    for (const toml::node& element : *array) {
      const auto value = element.value<std::int64_t>();
      if (!value || *value < 0 || *value > UINT32_MAX)
        fail(quoted(key) + " holds numbers from 0 to 4294967295");
      result.push_back(static_cast<std::uint32_t>(*value));
    }
    return result;
  }
  int argument_index(std::string_view key) {
    const auto value = node(key).value<std::int64_t>();
    if (!value || *value < 0 || *value > 5) fail(quoted(key) + " is a number from 0 to 5");
    return static_cast<int>(*value);
  }
  bool has(std::string_view key) const { return table_.contains(key); }
  std::vector<Reader> tables(std::string_view key) {
    std::vector<Reader> result;
    known_.insert(std::string(key));
    if (!has(key)) return result;
    const toml::array* array = table_[key].as_array();
    if (array == nullptr || !array->is_array_of_tables())
      fail(quoted(key) + " must be an array of tables");
    for (const toml::node& element : *array) result.emplace_back(*element.as_table(), file_);
    return result;
  }
  void done() const {
    for (const auto& [key, value] : table_)
      if (!known_.contains(std::string(key.str()))) fail("unknown key " + quoted(key.str()));
  }

 private:
  const toml::node& node(std::string_view key) {
    known_.insert(std::string(key));
    const toml::node* found = table_.get(key);
    if (found == nullptr) fail(quoted(key) + " is missing");
    return *found;
  }
  const toml::table& table_;
  std::string file_;
  std::set<std::string> known_;
};

toml::table parse_toml(std::string_view name, std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw Error("read policy " + quoted(name) + ", line " +
                    std::to_string(error.source().begin.line) + ": " +
                    std::string(error.description()),
                ExitCode::usage);
  }
}

std::map<std::string, std::vector<std::string>> read_groups(std::string_view text) {
  std::map<std::string, std::vector<std::string>> groups;
  const toml::table document = parse_toml(kGroupsFile, text);
  for (const auto& [name, node] : document) {
    if (!node.is_table())
      throw Error("read policy 'syscalls': " + quoted(name.str()) + " must be a table",
                  ExitCode::usage);
    Reader reader(*node.as_table(), std::string(kGroupsFile));
    (void)reader.string("about");  // must be there, for the reader of the file
    groups[std::string(name.str())] = split_words(reader.string("calls"));
    reader.done();
  }
  return groups;
}

}  // namespace

Policy parse_policy(std::string_view name, std::string_view text, std::string_view groups_text) {
  const toml::table document = parse_toml(name, text);
  const auto groups = read_groups(groups_text);
  Reader reader(document, std::string(name));
  Policy policy;
  policy.name = name;
  policy.about = reader.string("about");
  if (reader.string("network") != "none")
    reader.fail("'network' must be 'none': a spec asks for more by name");
  for (const std::string& group : reader.strings("syscalls")) {
    const auto found = groups.find(group);
    if (found == groups.end()) reader.fail("unknown group of system calls " + quoted(group));
    policy.allowed_calls.insert(policy.allowed_calls.end(), found->second.begin(),
                                found->second.end());
  }
  for (Reader& grant : reader.tables("capability")) {
    (void)grant.string("why");  // a grant without a reason is not a grant
    for (std::string& capability : grant.strings("names"))
      policy.capabilities.push_back(std::move(capability));
    grant.done();
  }
  for (Reader& entry : reader.tables("refuse")) {
    Refusal refusal;
    refusal.calls = entry.strings("calls");
    refusal.why = entry.string("why");
    if (entry.has("argument") || entry.has("low32")) {
      refusal.low32 = entry.numbers("low32");
      refusal.argument = entry.argument_index("argument");
    }
    entry.done();
    // A list without entries would look like a refusal and be none.
    if (refusal.calls.empty()) entry.fail("'calls' must not be empty");
    if (refusal.argument >= 0 && refusal.low32.empty()) entry.fail("'low32' must not be empty");
    policy.refusals.push_back(std::move(refusal));
  }
  reader.done();
  Hasher hasher;
  hasher.update(text);
  hasher.update(std::string_view("\0", 1));
  hasher.update(groups_text);
  policy.digest = hasher.finish();
  return policy;
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

namespace {

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

}  // namespace

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

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_files())
    if (file.name != kGroupsFile) names.emplace_back(file.name);
  return names;
}

Policy load_policy(std::string_view name) {
  std::string_view groups, text;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.name == kGroupsFile)
      groups = file.text;
    else if (file.name == name)
      text = file.text;
  }
  if (text.empty()) {
    const std::vector<std::string> names = policy_names();
    Error error("no policy " + quoted(name) + "; there are " + quoted_list(names), ExitCode::usage);
    if (const std::string near = nearest(name, names); !near.empty())
      error.set_hint("did you mean " + quoted(near) + "?");
    throw error;
  }
  return parse_policy(name, text, groups);
}

}  // namespace gbox::sandbox
