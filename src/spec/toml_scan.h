// Where things stand in the text of a TOML document: statements, values, items of lists. toml++
// says where a value begins but not where it ends, and a text that is edited in place needs both.
// The text must be TOML (parse_toml() has taken it): what is no TOML ends in Error, never in a
// wrong place beyond the text. Called by edit.cc only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::spec {

using KeyPath = std::vector<std::string>;

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind it
};

// "[a.b]", "[[a]]" or "a.b = value".
struct Statement {
  enum class Kind { table, tables, value };
  Kind kind = Kind::value;
  KeyPath header;  // of the table it stands in, or that it opens
  KeyPath key;     // below that; empty for a header
  Span value;
  std::size_t begin = 0;     // of its first character
  std::size_t line_end = 0;  // of the line its end stands on, comment included, line break not

  [[nodiscard]] KeyPath path() const;
};

std::vector<Statement> scan_statements(std::string_view text);

// The elements of a list, or the entries of a table in braces; `span` includes the brackets.
std::vector<Span> scan_items(std::string_view text, Span span);
// The two halves of such an entry.
struct EntrySpans {
  KeyPath key;
  Span value;
};
EntrySpans scan_entry(std::string_view text, Span entry);

// The first comma in `span` outside comments; npos: there is none. No string may be in it.
std::size_t find_comma(std::string_view text, Span span);

// Whether `path` begins with `start`.
bool begins_with(const KeyPath& path, const KeyPath& start);

}  // namespace gbox::spec
