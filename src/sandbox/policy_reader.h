// TOML to Policy: every fault is noted with its place, and reading goes on.
#pragma once

#include <toml++/toml.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/sandbox/policy.h"

namespace gbox::sandbox {

class Faults {
 public:
  void add(Location where, std::string message, std::string hint = {});
  // Throws SpecError when there are any.
  void finish();

 private:
  std::vector<SpecFault> faults_;
};

// One table of a policy file; a key that nobody asked for is unknown.
class PolicyTable {
 public:
  PolicyTable(const toml::table& table, std::string file, Faults& faults);

  [[nodiscard]] Location where() const;
  [[nodiscard]] Location where(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  void fault(const Location& where, std::string message, std::string hint = {}) const;

  // What is missing though it must be there is noted, and so is what has another type.
  std::string string(std::string_view key);
  std::vector<std::string> strings(std::string_view key);
  std::vector<std::string> optional_strings(std::string_view key);
  std::vector<std::uint32_t> numbers(std::string_view key);
  std::optional<int> small_number(std::string_view key, int most);
  bool boolean(std::string_view key);  // absent: false
  std::optional<std::uint64_t> number(std::string_view key);
  std::vector<LimitWord> words(std::string_view key);  // of a table of strings; absent: none
  std::vector<PolicyTable> tables(std::string_view key);
  void done() const;

 private:
  const toml::node* find(std::string_view key);
  const toml::node* need(std::string_view key);

  const toml::table& table_;
  std::string file_;
  Faults& faults_;
  std::set<std::string> known_;
};

// Throws SpecError for text that is no TOML.
toml::table parse_toml(const std::string& file, std::string_view text);

// A [[refuse]] or an entry of a group of refusals.
Refusal read_refusal(PolicyTable& table);
Grant read_grant(PolicyTable& table);
// Why this policy cannot hide a path; nothing when it can.
std::optional<std::string> why_not_hidden(const Policy& policy, std::string_view path);
PathRule read_paths(PolicyTable& table);
ResourceRule read_resource(PolicyTable& table);

}  // namespace gbox::sandbox
