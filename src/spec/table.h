// One table of the spec being read: typed access to its keys, each fault noted with its place.
// A key must be in the table's list (keys.h); asking for another is a bug of ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "context.h"
#include "gbox/spec/spec.h"
#include "keys.h"

namespace gbox::spec {

// An entry of a table whose keys a person chooses, such as make_conf.
struct Entry {
  std::string key;
  Location key_where;
  const toml::node* node;
};

enum class Empty { no, yes };  // whether "", [] and [""] are values

class Table {
 public:
  // Notes every key that the table does not have. `name` is the one that this table has where
  // `keys` says NAME.
  Table(Context& context, const toml::table& table, const TableKeys& keys,
        std::string_view name = {});

  [[nodiscard]] Location where() const { return where_; }
  // Of the key's value; of the table when the key is absent.
  [[nodiscard]] Location where(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] bool has_unsupported() const { return has_unsupported_; }
  // Notes that `key` is missing, unless it is there.
  void require(std::string_view key, std::string hint = {});

  // Absent when the key is absent or of a wrong type (which is noted).
  std::optional<Text> string(std::string_view key, Empty empty = Empty::no);
  std::vector<Text> strings(std::string_view key, Empty empty = Empty::no);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<double> number(std::string_view key);
  const toml::table* table(std::string_view key);
  // The tables of [[key]], or of key = [{…}].
  std::vector<const toml::table*> tables(std::string_view key);
  std::vector<Entry> entries(std::string_view key);  // of table `key`, sorted by key
  const toml::node* node(std::string_view key) const { return find(key); }

  // One of a few words; `later` are words of the contract that this version does not do yet.
  template <class Value>
  std::optional<Value> choice(std::string_view key,
                              const std::vector<std::pair<std::string, Value>>& words,
                              const std::vector<std::string>& later = {}) {
    const std::optional<Text> text = string(key);
    if (!text) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& [name, value] : words) {
      if (name == text->value) return value;
      names.push_back(name);
    }
    refuse_choice(key, *text, names, later);
    return std::nullopt;
  }

 private:
  [[nodiscard]] const toml::node* find(std::string_view key) const;
  void note_unknown(const toml::key& key);
  void refuse_choice(std::string_view key, const Text& text, const std::vector<std::string>& names,
                     const std::vector<std::string>& later);

  Context& context_;
  const toml::table& table_;
  const TableKeys& keys_;
  std::string place_;  // "in [portage]"
  Location where_;
  bool has_unsupported_ = false;
};

// Notes "'name' is a string, it must be an integer".
void note_type(Context& context, std::string_view name, const toml::node& node,
               std::string_view wanted, std::string hint = {});

// A string, or nothing with the fault noted. `name` is how the message calls the value.
std::optional<Text> read_string(Context& context, std::string_view name, const toml::node& node,
                                Empty empty);
std::vector<Text> read_strings(Context& context, std::string_view name, const toml::node& node,
                               Empty empty);
std::vector<Entry> read_entries(Context& context, const toml::table& table);

}  // namespace gbox::spec
