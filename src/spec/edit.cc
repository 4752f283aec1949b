#include "gbox/spec/edit.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "parse.h"
#include "toml_scan.h"

namespace gbox::spec {

namespace {

constexpr std::string_view kPortageTable = "portage";

std::string_view name_of(PortageAddition::Key key) {
  switch (key) {
    case PortageAddition::Key::package_use:
      return "package_use";
    case PortageAddition::Key::package_accept_keywords:
      return "package_accept_keywords";
    case PortageAddition::Key::package_license:
      return "package_license";
    case PortageAddition::Key::package_unmask:
      break;
  }
  return "package_unmask";
}

// What is to be in which list.
struct Wish {
  KeyPath path;
  std::vector<std::string> values;
  bool replaces_opposites = false;
};

Wish wish_of(const PortageAddition& addition) {
  Wish wish{
      {std::string(kPortageTable), std::string(name_of(addition.key))}, addition.values, false};
  if (addition.key == PortageAddition::Key::package_unmask)
    wish.values = {addition.atom};
  else
    wish.path.push_back(addition.atom);
  wish.replaces_opposites = addition.key == PortageAddition::Key::package_use;
  return wish;
}

std::string opposite(const std::string& flag) {
  return flag.starts_with('-') ? flag.substr(1) : '-' + flag;
}

[[noreturn]] void refuse(const Wish& wish, const std::string& why) {
  throw Error(
      "add " + quoted(join(wish.values, " ")) + " to " + quoted(join(wish.path, ".")) + ": " + why,
      ExitCode::usage);
}

std::string string_of(std::string_view text) {
  std::string quoted_text = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted_text += '\\';
    quoted_text += c;
  }
  return quoted_text + '"';
}

std::string list_of(const std::vector<std::string>& values) {
  std::vector<std::string> strings;
  strings.reserve(values.size());
  for (const std::string& value : values) strings.push_back(string_of(value));
  return join(strings, ", ");
}

// "package_use."dev-lang/php"".
std::string key_text(const KeyPath& path) {
  constexpr std::string_view kBare =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  std::vector<std::string> parts;
  for (const std::string& part : path)
    parts.push_back(part.empty() || part.find_first_not_of(kBare) != std::string::npos
                        ? string_of(part)
                        : part);
  return join(parts, ".");
}

KeyPath behind(const KeyPath& path, std::size_t count) {
  return {path.begin() + static_cast<std::ptrdiff_t>(count), path.end()};
}

std::string assignment(const KeyPath& key, const Wish& wish) {
  return key_text(key) + " = [" + list_of(wish.values) + ']';
}

// The text of a spec, and how to put a wish into it.
class Editor {
 public:
  explicit Editor(std::string_view text) : text_(text) {
    const std::size_t first = text_.find('\n');
    break_ = first != std::string::npos && first > 0 && text_[first - 1] == '\r' ? "\r\n" : "\n";
  }

  void add(const Wish& wish) {
    const std::vector<Statement> all = scan_statements(text_);
    for (const Statement& statement : all) {
      const KeyPath path = statement.path();
      if (statement.kind == Statement::Kind::value && begins_with(wish.path, path))
        return add_to_value(statement.value, behind(wish.path, path.size()), wish);
    }
    if (const Statement* like = neighbour(all, wish.path)) {
      const std::size_t from = std::min(text_.rfind('\n', like->begin), like->begin);
      const std::string lead = indentation(from == like->begin ? 0 : from + 1);
      text_.insert(like->line_end,
                   break_ + lead + assignment(behind(wish.path, like->header.size()), wish));
      return;
    }
    if (!text_.empty() && !text_.ends_with('\n')) text_ += break_;
    if (!text_.empty()) text_ += break_;
    text_ += '[' + std::string(kPortageTable) + ']' + break_ +
             assignment(behind(wish.path, 1), wish) + break_;
  }

  std::string take() { return std::move(text_); }

 private:
  // The statement behind which an entry of this path belongs: the last of its table, or the header
  // of the table, or the same for the table above.
  static const Statement* neighbour(const std::vector<Statement>& all, const KeyPath& path) {
    KeyPath table = path;
    while (table.size() > 1) {
      table.pop_back();
      const Statement* found = nullptr;
      for (const Statement& statement : all) {
        const bool is_header = statement.kind != Statement::Kind::value;
        if (is_header
                ? statement.header == table
                : begins_with(table, statement.header) && begins_with(statement.path(), table))
          found = &statement;
      }
      if (found != nullptr) return found;
    }
    return nullptr;
  }

  [[nodiscard]] std::string indentation(std::size_t line) const {
    const std::size_t end = std::min(text_.find_first_not_of(" \t", line), text_.size());
    return text_.substr(line, end - line);
  }

  // `value` is that of the key which `rest` goes on from.
  void add_to_value(Span value, KeyPath rest, const Wish& wish) {
    while (!rest.empty()) {
      if (text_[value.begin] != '{') refuse(wish, "there is a value where a table is expected");
      const std::vector<Span> entries = scan_items(text_, value);
      bool found = false;
      for (const Span& entry : entries) {
        const EntrySpans spans = scan_entry(text_, entry);
        if (!begins_with(rest, spans.key)) continue;
        value = spans.value;
        rest = behind(rest, spans.key.size());
        found = true;
        break;
      }
      if (found) continue;
      const std::string entry = assignment(rest, wish);
      if (entries.empty())
        text_.replace(value.begin, value.end - value.begin, "{ " + entry + " }");
      else
        text_.insert(entries.back().end, ", " + entry);
      return;
    }
    if (text_[value.begin] != '[') refuse(wish, "there is a value where a list is expected");
    add_to_list(value, wish);
  }

  std::string string_at(Span item, const Wish& wish) const {
    const toml::table table =
        parse_toml("value", "x=" + text_.substr(item.begin, item.end - item.begin));
    const auto* value = table["x"].as_string();
    if (value == nullptr) refuse(wish, "the list holds something else than text");
    return value->get();
  }

  void add_to_list(Span list, const Wish& wish) {
    std::vector<Span> items = scan_items(text_, list);
    std::vector<std::string> missing;
    for (const std::string& value : wish.values) {
      bool there = false;
      for (Span& item : items) {
        const std::string old = string_at(item, wish);
        there = old == value;
        if (!there && wish.replaces_opposites && old == opposite(value)) {
          const std::string text = string_of(value);
          text_.replace(item.begin, item.end - item.begin, text);
          list.end = list.end - (item.end - item.begin) + text.size();
          items = scan_items(text_, list);
          there = true;
        }
        if (there) break;
      }
      if (!there) missing.push_back(value);
    }
    if (missing.empty()) return;
    if (items.empty()) {
      const std::size_t inside = list.begin + 1;
      const bool blank = text_.find_first_not_of(" \t\r\n", inside) == list.end - 1;
      text_.replace(inside, blank ? list.end - 1 - inside : 0, list_of(missing));
      return;
    }
    append(list, items, missing);
  }

  // Behind the last item, as the list is laid out.
  void append(Span list, const std::vector<Span>& items, const std::vector<std::string>& values) {
    const Span last = items.back();
    const std::size_t comma = find_comma(text_, {last.end, list.end});
    const bool trailing = comma != std::string::npos;
    const std::size_t end = trailing ? comma + 1 : last.end;
    const std::size_t line = text_.rfind('\n', last.begin);
    if (line == std::string::npos || line < list.begin) {  // the last item is on the first line
      text_.insert(end, (trailing ? " " : ", ") + list_of(values) + (trailing ? "," : ""));
      return;
    }
    const std::string lead = break_ + indentation(line + 1);
    std::string more;
    for (const std::string& value : values)
      more += (more.empty() ? "" : ",") + lead + string_of(value);
    if (trailing) more += ',';
    // A comment on the line of the last item stays with it.
    std::size_t at = end;
    const std::size_t next = text_.find('\n', end);
    if (next < list.end) at = next - (text_[next - 1] == '\r' ? 1 : 0);
    text_.insert(at, more);
    if (!trailing) text_.insert(last.end, ",");
  }

  std::string text_;
  std::string break_;
};

// The same wish, done to what the text means.
void add_to_tables(toml::table& root, const Wish& wish) {
  toml::table* table = &root;
  for (std::size_t i = 0; i + 1 < wish.path.size(); ++i) {
    table->insert(wish.path[i], toml::table{});  // nothing, where there is one
    table = table->get(wish.path[i])->as_table();
    if (table == nullptr) refuse(wish, "there is a value where a table is expected");
  }
  table->insert(wish.path.back(), toml::array{});
  toml::array* list = table->get(wish.path.back())->as_array();
  if (list == nullptr) refuse(wish, "there is a value where a list is expected");
  for (const std::string& value : wish.values) {
    bool there = false;
    for (toml::node& node : *list) {
      auto* old = node.as_string();
      if (old == nullptr) continue;
      if (wish.replaces_opposites && old->get() == opposite(value)) *old = value;
      if ((there = old->get() == value)) break;
    }
    if (!there) list->push_back(value);
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines = split(text, '\n');
  for (std::string& line : lines)
    if (line.ends_with('\r')) line.pop_back();
  return lines;
}

// Additions put lines in and change single ones, so that the next equal line is the place to go on.
std::vector<EditedSpec::Line> changed_lines(std::string_view before, std::string_view after) {
  const std::vector<std::string> old = lines_of(before);
  const std::vector<std::string> now = lines_of(after);
  std::vector<EditedSpec::Line> changed;
  const auto note = [&](std::size_t index) {
    if (!trim(now[index]).empty())
      changed.push_back({static_cast<unsigned>(index + 1), now[index]});
  };
  const auto is_old = [&](std::size_t index, const std::string& line) {
    return index < old.size() && old[index] == line;
  };
  std::size_t at = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (is_old(at, now[i])) {
      ++at;
      continue;
    }
    note(i);
    for (std::size_t j = i + 1; j < now.size(); ++j) {
      if (is_old(at, now[j])) break;  // put in
      if (is_old(at + 1, now[j])) {   // changed
        ++at;
        break;
      }
    }
  }
  return changed;
}

}  // namespace

std::string to_toml(const PortageAddition& addition) {
  const Wish wish = wish_of(addition);
  return printable(assignment(behind(wish.path, 1), wish));
}

EditedSpec add_to_portage(const std::string& file, std::string_view text,
                          const std::vector<PortageAddition>& additions) {
  toml::table meant = parse_toml(file, text);
  Editor editor(text);
  for (const PortageAddition& addition : additions) {
    const Wish wish = wish_of(addition);
    // It would be a value of [args] the next time.
    if ((addition.atom + join(addition.values, " ")).find("${") != std::string::npos)
      refuse(wish, "'${' stands for a value of [args]");
    if (printable(addition.atom) != addition.atom) refuse(wish, "it is no plain text");
    for (const std::string& value : addition.values)
      if (printable(value) != value) refuse(wish, "it is no plain text");
    editor.add(wish);
    add_to_tables(meant, wish);
  }
  EditedSpec edited;
  edited.text = editor.take();
  if (parse_toml(file, edited.text) != meant)
    throw Error("internal error: the spec would say something else")
        .set_hint("add these lines to [portage] yourself");
  edited.changed = changed_lines(text, edited.text);
  return edited;
}

}  // namespace gbox::spec
