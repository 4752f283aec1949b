#include "table.h"

#include <algorithm>
#include <cmath>

#include "gbox/base/text.h"

namespace gbox::spec {

namespace {

bool contains(KeyList keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::vector<std::string> to_strings(KeyList keys) {
  return {keys.begin(), keys.end()};
}

std::string_view type_shown(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return node.is_array_of_tables() ? "a list of tables" : "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

std::string place(const TableKeys& keys, std::string_view name) {
  if (keys.shown.empty()) return "at the top level";
  std::string place = "in " + std::string(keys.shown);
  constexpr std::string_view kAnyName = "NAME";
  if (const std::size_t at = place.find(kAnyName); !name.empty() && at != std::string::npos)
    place.replace(at, kAnyName.size(), name);
  return place;
}

}  // namespace

void note_type(Context& context, std::string_view name, const toml::node& node,
               std::string_view wanted, std::string hint) {
  context.fault(
      context.at(node),
      quoted(name) + " is " + std::string(type_shown(node)) + ", it must be " + std::string(wanted),
      std::move(hint));
}

std::optional<Text> read_string(Context& context, std::string_view name, const toml::node& node,
                                Empty empty) {
  const auto* value = node.as_string();
  if (value == nullptr) {
    note_type(context, name, node, "a string",
              node.is_number() || node.is_boolean() ? "put it in quotes" : "");
    return std::nullopt;
  }
  auto expanded = context.expand(value->get(), context.at(node));
  if (!expanded) return std::nullopt;
  Text text{std::move(*expanded), context.at(node)};
  if (text.value.find('\0') != std::string::npos) {
    context.fault(text.where, quoted(name) + " holds a NUL character");
    return std::nullopt;
  }
  if (text.value.empty() && empty == Empty::no) {
    context.fault(text.where, quoted(name) + " is empty", "leave it out, or give it a value");
    return std::nullopt;
  }
  return text;
}

std::vector<Text> read_strings(Context& context, std::string_view name, const toml::node& node,
                               Empty empty) {
  const toml::array* array = node.as_array();
  if (array == nullptr) {
    std::string hint;
    if (const auto* single = node.as_string())
      hint = "write [\"" + printable(single->get()) + "\"]";
    note_type(context, name, node, "a list of strings", std::move(hint));
    return {};
  }
  if (array->empty() && empty == Empty::no)
    context.fault(context.at(node), quoted(name) + " is an empty list",
                  "leave it out, or put something into it");
  std::vector<Text> result;
  for (const toml::node& item : *array)
    if (auto text = read_string(context, name, item, empty)) result.push_back(std::move(*text));
  return result;
}

std::vector<Entry> read_entries(Context& context, const toml::table& table) {
  std::vector<Entry> entries;
  for (const auto& [key, node] : table)  // sorted by key: toml++ keeps tables in a map
    entries.push_back({std::string(key.str()), context.at(key), &node});
  return entries;
}

Table::Table(Context& context, const toml::table& table, const TableKeys& keys,
             std::string_view name)
    : context_(context),
      table_(table),
      keys_(keys),
      place_(place(keys, name)),
      where_(context.at(table)) {
  for (const auto& [key, node] : table)
    if (!contains(keys.keys, key.str())) note_unknown(key);
}

void Table::note_unknown(const toml::key& key) {
  const std::string name(key.str());
  const Location where = context_.at(key);
  if (contains(keys_.unsupported, name)) {
    has_unsupported_ = true;
    const std::string table(keys_.shown.substr(1, keys_.shown.find_first_of(".]") - 1));
    context_.fault(where, quoted(table + '.' + name) + " is not supported by this version",
                   "use " + quoted(table + '.' + std::string(keys_.keys.front())));
    return;
  }
  std::string hint = suggestion(name, to_strings(keys_.keys));
  // 'mask' for 'package_mask': the files' names without their first half.
  if (hint.empty() && contains(keys_.keys, "package_" + name))
    hint = "did you mean " + quoted("package_" + name) + '?';
  if (hint.empty())
    for (const TableKeys* other : keys::kAll)
      if (hint.empty() && other != &keys_ && contains(other->keys, name))
        hint = quoted(name) + " belongs " +
               (other->shown.empty() ? "to the top level, above every table"
                                     : "to " + std::string(other->shown));
  if (hint.empty()) hint = "known here: " + quoted_list(to_strings(keys_.keys));
  context_.fault(where, "unknown key " + shown(name) + ' ' + place_, hint);
}

const toml::node* Table::find(std::string_view key) const {
  if (!contains(keys_.keys, key))
    throw Error("internal error: the spec's key " + quoted(key) + " is not in its list");
  return table_.get(key);
}

Location Table::where(std::string_view key) const {
  const toml::node* node = find(key);
  return node == nullptr ? where_ : context_.at(*node);
}

void Table::require(std::string_view key, std::string hint) {
  if (!has(key))
    context_.fault(where_, "missing key " + quoted(key) + ' ' + place_, std::move(hint));
}

std::optional<Text> Table::string(std::string_view key, Empty empty) {
  const toml::node* node = find(key);
  return node == nullptr ? std::nullopt : read_string(context_, key, *node, empty);
}

std::vector<Text> Table::strings(std::string_view key, Empty empty) {
  const toml::node* node = find(key);
  return node == nullptr ? std::vector<Text>() : read_strings(context_, key, *node, empty);
}

std::optional<bool> Table::boolean(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* value = node->as_boolean()) return value->get();
  note_type(context_, key, *node, "true or false",
            node->is_string() ? "write it without quotes" : "");
  return std::nullopt;
}

std::optional<std::int64_t> Table::integer(std::string_view key, std::int64_t least,
                                           std::int64_t most) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    note_type(context_, key, *node, "an integer",
              node->is_string() ? "write it without quotes" : "");
    return std::nullopt;
  }
  if (value->get() >= least && value->get() <= most) return value->get();
  context_.fault(context_.at(*node), quoted(key) + " is " + std::to_string(value->get()) +
                                         ", it must be from " + std::to_string(least) + " to " +
                                         std::to_string(most));
  return std::nullopt;
}

std::optional<double> Table::number(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::optional<double> value;
  if (const auto* integer = node->as_integer()) value = static_cast<double>(integer->get());
  if (const auto* real = node->as_floating_point()) value = real->get();
  if (!value) {
    note_type(context_, key, *node, "a number", node->is_string() ? "write it without quotes" : "");
    return std::nullopt;
  }
  constexpr double kMost = 1e6;
  if (std::isfinite(*value) && *value > 0 && *value <= kMost) return value;
  context_.fault(context_.at(*node), quoted(key) + " must be a number above 0");
  return std::nullopt;
}

const toml::table* Table::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return nullptr;
  if (const toml::table* table = node->as_table()) return table;
  const std::string name(key);
  note_type(context_, key, *node, "a table",
            node->is_array_of_tables() ? "write '[" + name + "]', with one pair of brackets" : "");
  return nullptr;
}

std::vector<const toml::table*> Table::tables(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    const std::string name(key);
    std::string hint;
    if (node->is_table())
      hint = key == "phase" ? "write '[[phase]]', with two pairs of brackets"
                            : "write " + name + " = [{…}]";
    note_type(context_, key, *node, "a list of tables", std::move(hint));
    return {};
  }
  std::vector<const toml::table*> result;
  for (const toml::node& item : *array) {
    if (const toml::table* table = item.as_table()) {
      result.push_back(table);
    } else {
      note_type(context_, key, item, "a table");
    }
  }
  return result;
}

std::vector<Entry> Table::entries(std::string_view key) {
  const toml::table* found = table(key);
  return found == nullptr ? std::vector<Entry>() : read_entries(context_, *found);
}

void Table::refuse_choice(std::string_view key, const Text& text,
                          const std::vector<std::string>& names,
                          const std::vector<std::string>& later) {
  const std::string allowed = "allowed: " + quoted_list(names);
  if (std::find(later.begin(), later.end(), text.value) != later.end()) {
    context_.fault(text.where,
                   quoted(key) + ": " + quoted(text.value) + " is not supported by this version",
                   allowed);
    return;
  }
  const std::string near = nearest(text.value, names);
  context_.fault(text.where, quoted(key) + " cannot be " + shown(text.value),
                 near.empty() ? allowed : "did you mean " + quoted(near) + "? " + allowed);
}

}  // namespace gbox::spec
