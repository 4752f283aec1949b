#include "policy_reader.h"

#include <sys/capability.h>
#include <sys/resource.h>

#include <array>
#include <cstring>
#include <utility>

#include "call_table.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"

namespace gbox::sandbox {

namespace {

// A comparison of a filter jumps at most 255 instructions far.
constexpr std::size_t kMaxValues = 64;

// Those of setrlimit(2) that mean something in a sandbox. What a file or the number of processes
// may be is said by [limits], and core files are never written.
using Resource = std::pair<std::string_view, int>;
constexpr std::array kResources = {Resource{"as", RLIMIT_AS},
                                   Resource{"cpu", RLIMIT_CPU},
                                   Resource{"data", RLIMIT_DATA},
                                   Resource{"memlock", RLIMIT_MEMLOCK},
                                   Resource{"msgqueue", RLIMIT_MSGQUEUE},
                                   Resource{"nofile", RLIMIT_NOFILE},
                                   Resource{"sigpending", RLIMIT_SIGPENDING},
                                   Resource{"stack", RLIMIT_STACK}};

std::string resource_hint(const std::string& name) {
  if (name == "core") return "no step writes core files, under any policy";
  if (name == "fsize") return "write 'file_size' in [limits]";
  if (name == "nproc") return "write 'processes' in [limits]";
  std::vector<std::string> names;
  for (const auto& [known, number] : kResources) names.emplace_back(known);
  return "there are " + quoted_list(names);
}

}  // namespace

std::optional<int> resource_number(std::string_view name) {
  for (const auto& [known, number] : kResources)
    if (known == name) return number;
  return std::nullopt;
}

void Faults::add(Location where, std::string message, std::string hint) {
  faults_.push_back({std::move(where), std::move(message), std::move(hint)});
}

void Faults::finish() {
  if (!faults_.empty()) throw SpecError(std::move(faults_));
}

PolicyTable::PolicyTable(const toml::table& table, std::string file, Faults& faults)
    : table_(table), file_(std::move(file)), faults_(faults) {}

Location PolicyTable::where() const {
  return {file_, table_.source().begin.line, table_.source().begin.column};
}

Location PolicyTable::where(std::string_view key) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return where();
  return {file_, node->source().begin.line, node->source().begin.column};
}

void PolicyTable::fault(const Location& place, std::string message, std::string hint) const {
  faults_.add(place, std::move(message), std::move(hint));
}

const toml::node* PolicyTable::find(std::string_view key) {
  known_.insert(std::string(key));
  return table_.get(key);
}

const toml::node* PolicyTable::need(std::string_view key) {
  const toml::node* found = find(key);
  if (found == nullptr) fault(where(), quoted(key) + " is missing");
  return found;
}

std::string PolicyTable::string(std::string_view key) {
  const toml::node* found = need(key);
  if (found == nullptr) return {};
  const auto value = found->value<std::string>();
  if (!value)
    fault(where(key), quoted(key) + " must be a string");
  else if (trim(*value).empty())
    fault(where(key), quoted(key) + " must not be empty");
  return value.value_or("");
}

std::vector<std::string> PolicyTable::optional_strings(std::string_view key) {
  std::vector<std::string> result;
  const toml::node* found = find(key);
  if (found == nullptr) return result;
  const toml::array* array = found->as_array();
  if (array == nullptr) {
    fault(where(key), quoted(key) + " must be an array of strings");
    return result;
  }
  for (const toml::node& element : *array) {
    if (const auto value = element.value<std::string>())
      result.push_back(*value);
    else
      fault({file_, element.source().begin.line, element.source().begin.column},
            quoted(key) + " must be an array of strings");
  }
  // A list without entries would look like a rule and be none.
  if (array->empty()) fault(where(key), quoted(key) + " must not be empty");
  return result;
}

std::vector<std::string> PolicyTable::strings(std::string_view key) {
  (void)need(key);
  return optional_strings(key);
}

std::vector<std::uint32_t> PolicyTable::numbers(std::string_view key) {
  std::vector<std::uint32_t> result;
  const toml::node* found = find(key);
  if (found == nullptr) return result;
  const toml::array* array = found->as_array();
  if (array == nullptr) {
    fault(where(key), quoted(key) + " must be an array of numbers");
    return result;
  }
  for (const toml::node& element : *array) {
    const auto value = element.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > UINT32_MAX)
      fault({file_, element.source().begin.line, element.source().begin.column},
            quoted(key) + " holds numbers from 0 to 4294967295");
    else
      result.push_back(static_cast<std::uint32_t>(*value));
  }
  if (array->empty()) fault(where(key), quoted(key) + " must not be empty");
  if (array->size() > kMaxValues)
    fault(where(key), quoted(key) + " holds more than " + std::to_string(kMaxValues) + " numbers");
  return result;
}

std::optional<int> PolicyTable::small_number(std::string_view key, int most) {
  const toml::node* found = need(key);
  if (found == nullptr) return std::nullopt;
  const auto value = found->value_exact<std::int64_t>();
  if (value && *value >= 0 && *value <= most) return static_cast<int>(*value);
  fault(where(key), quoted(key) + " is a number from 0 to " + std::to_string(most));
  return std::nullopt;
}

bool PolicyTable::boolean(std::string_view key) {
  const toml::node* found = find(key);
  if (found == nullptr) return false;
  const auto value = found->value_exact<bool>();
  if (!value) fault(where(key), quoted(key) + " is true or false");
  return value.value_or(false);
}

std::optional<std::uint64_t> PolicyTable::number(std::string_view key) {
  const toml::node* found = need(key);
  if (found == nullptr) return std::nullopt;
  const auto value = found->value_exact<std::int64_t>();
  if (value && *value >= 0) return static_cast<std::uint64_t>(*value);
  fault(where(key), quoted(key) + " is a whole number from 0 on");
  return std::nullopt;
}

std::vector<LimitWord> PolicyTable::words(std::string_view key) {
  std::vector<LimitWord> result;
  const toml::node* found = find(key);
  if (found == nullptr) return result;
  const toml::table* table = found->as_table();
  if (table == nullptr) {
    fault(where(key), quoted(key) + " must be a table", "write [" + std::string(key) + "]");
    return result;
  }
  for (const auto& [name, node] : *table) {
    const Location place = {file_, node.source().begin.line, node.source().begin.column};
    if (const auto text = node.value_exact<std::string>())
      result.push_back({std::string(name.str()), *text, place});
    else if (const auto count = node.value_exact<std::int64_t>())
      result.push_back({std::string(name.str()), std::to_string(*count), place});
    else
      fault(place, quoted(name.str()) + " must be a string or a number");
  }
  return result;
}

std::vector<PolicyTable> PolicyTable::tables(std::string_view key) {
  std::vector<PolicyTable> result;
  const toml::node* found = find(key);
  if (found == nullptr) return result;
  const toml::array* array = found->as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    fault(where(key), quoted(key) + " must be an array of tables",
          "write [[" + std::string(key) + "]]");
    return result;
  }
  for (const toml::node& element : *array) result.emplace_back(*element.as_table(), file_, faults_);
  return result;
}

void PolicyTable::done() const {
  const std::vector<std::string> names(known_.begin(), known_.end());
  for (const auto& [key, value] : table_) {
    if (known_.contains(std::string(key.str()))) continue;
    const std::string near = nearest(key.str(), names);
    fault({file_, key.source().begin.line, key.source().begin.column},
          "unknown key " + quoted(key.str()),
          near.empty() ? "there are " + quoted_list(names) : "did you mean " + quoted(near) + "?");
  }
}

toml::table parse_toml(const std::string& file, std::string_view text) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw SpecError({{{file, error.source().begin.line, error.source().begin.column},
                      std::string(error.description()),
                      {}}});
  }
}

namespace {

// The calls a rule names, which must be some.
std::vector<std::string> read_calls(PolicyTable& table) {
  std::vector<std::string> calls = table.strings("calls");
  for (const std::string& call : calls)
    if (!is_call(call))
      table.fault(table.where("calls"), "unknown system call " + quoted(call), call_hint(call));
  return calls;
}

int read_errno(PolicyTable& table) {
  if (!table.has("errno")) return EPERM;
  const std::string name = table.string("errno");
  for (int number = 1; number < 134; ++number)
    if (const char* known = ::strerrorname_np(number); known != nullptr && name == known)
      return number;
  table.fault(table.where("errno"), "unknown error " + quoted(name),
              "write its name, such as EPERM or ENOSYS");
  return EPERM;
}

void read_condition(PolicyTable& table, Refusal& refusal) {
  struct Kind {
    const char* key;
    Refusal::Match match;
  };
  constexpr std::array kKinds = {Kind{"low32", Refusal::Match::among},
                                 Kind{"other_than", Refusal::Match::other_than},
                                 Kind{"any_bit", Refusal::Match::any_bit}};
  int given = 0;
  for (const Kind& kind : kKinds) {
    std::vector<std::uint32_t> values = table.numbers(kind.key);
    if (!table.has(kind.key)) continue;
    ++given;
    refusal.match = kind.match;
    refusal.low32 = std::move(values);
  }
  if (given == 0 && !table.has("argument")) return;
  refusal.argument = table.small_number("argument", 5).value_or(0);
  if (given != 1)
    table.fault(table.where("argument"),
                "an argument is compared by one of 'low32', 'other_than' "
                "and 'any_bit'");
}

// Absolute, without '.', '..' and doubled slashes; nothing for what is not.
std::optional<std::string> plain_path(const std::string& path) {
  const std::vector<std::string> names = split(path, '/');
  if (names.size() < 2 || !names.front().empty()) return std::nullopt;
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[i] == "." || names[i] == ".." || (names[i].empty() && i + 1 < names.size()))
      return std::nullopt;
  return '/' + sys::normalized_relative(path);
}

}  // namespace

Refusal read_refusal(PolicyTable& table) {
  Refusal refusal;
  refusal.where = table.where();
  refusal.calls = read_calls(table);
  refusal.why = table.string("why");
  refusal.error_number = read_errno(table);
  read_condition(table, refusal);
  table.done();
  return refusal;
}

Grant read_grant(PolicyTable& table) {
  Grant grant;
  grant.where = table.where();
  grant.names = table.strings("names");
  grant.why = table.string("why");  // a grant without a reason is not a grant
  for (const std::string& name : grant.names) {
    cap_value_t value = 0;
    if (::cap_from_name(("cap_" + name).c_str(), &value) != 0)
      table.fault(table.where("names"), "unknown capability " + quoted(name),
                  "write it without CAP_, as capabilities(7) lists them");
  }
  table.done();
  return grant;
}

PathRule read_paths(PolicyTable& table) {
  PathRule rule;
  rule.where = table.where();
  rule.why = table.string("why");
  for (const std::string& path : table.strings("paths")) {
    if (const auto plain = plain_path(path))
      rule.paths.push_back(*plain);
    else
      table.fault(table.where("paths"), quoted(path) + " is no absolute path without '.' and '..'");
  }
  table.done();
  return rule;
}

ResourceRule read_resource(PolicyTable& table) {
  ResourceRule rule;
  rule.where = table.where();
  rule.name = table.string("name");
  rule.most = table.number("most").value_or(0);
  rule.why = table.string("why");
  if (!resource_number(rule.name))
    table.fault(table.where("name"), "no resource is called " + quoted(rule.name),
                resource_hint(rule.name));
  table.done();
  return rule;
}

}  // namespace gbox::sandbox
