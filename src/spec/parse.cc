#include "parse.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/spec/spec.h"

namespace gbox::spec {

namespace {

// The parts of one dotted key, or of one table's header. toml++ nests a table a part and frees
// them by recursion, so that a key of 100 000 parts would exhaust the stack.
constexpr unsigned kMaxKeyParts = 16;

// The place of the first key with too many parts; line 0 when there is none. Strings and comments
// are skipped as TOML 1.0 defines them; where the text is not TOML, toml++ says so afterwards.
Location find_deep_key(const std::string& file, std::string_view text) {
  unsigned line = 1;
  unsigned dots = 0;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      const std::string_view triple = c == '"' ? "\"\"\"" : "'''";
      const bool multi = text.substr(i).starts_with(triple);
      i += multi ? 3 : 1;
      for (; i < text.size(); ++i) {
        if (c == '"' && text[i] == '\\') {
          ++i;
        } else if (text[i] == '\n') {
          ++line;
          line_start = i + 1;
          if (!multi) break;  // unterminated
        } else if (multi ? text.substr(i).starts_with(triple) : text[i] == c) {
          if (multi) i += 2;
          break;
        }
      }
    } else if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '.') {
      if (++dots >= kMaxKeyParts) return {file, line, static_cast<unsigned>(i - line_start + 1)};
    } else if (c == '\n') {
      ++line;
      line_start = i + 1;
      dots = 0;
    } else if (std::string_view("=[]{},").find(c) != std::string_view::npos) {
      dots = 0;
    }
  }
  return {file, 0, 0};
}

// toml++'s words in our manner: no capital, no "Error while parsing", one printable line.
SpecFault translated(const std::string& file, const toml::parse_error& error) {
  std::string message(trim(error.description()));
  constexpr std::string_view kOpening = "Error while parsing ";
  if (message.starts_with(kOpening)) message = "bad " + message.substr(kOpening.size());
  std::string one_line;
  for (const char c : message) one_line += c == '\n' || c == '\r' ? ' ' : c;
  if (!one_line.empty() && one_line[0] >= 'A' && one_line[0] <= 'Z')
    one_line[0] = static_cast<char>(one_line[0] - 'A' + 'a');
  std::string hint = "gbox-stage4.toml(5) shows how each key is written";
  // A word that is no literal is almost always a string that lost its quotes.
  if (message.starts_with("bad boolean") || message.starts_with("bad value"))
    hint = "text must stand in quotes; lists in '[]', tables in '{}'";
  if (message.find("redefine") != std::string::npos) hint = "give each key and each table once";
  const toml::source_position at = error.source().begin;
  return {{file, at.line, at.column}, "not TOML: " + printable(one_line), hint};
}

}  // namespace

toml::table parse_toml(const std::string& file, std::string_view text) {
  if (text.size() > kMaxSpecBytes)
    throw SpecError({{{file, 0, 0},
                      "the spec is larger than " + human_size(kMaxSpecBytes),
                      "is this the right file?"}});
  if (const Location deep = find_deep_key(file, text); deep.line != 0)
    throw SpecError({{deep, "a key of more than " + std::to_string(kMaxKeyParts) + " parts", ""}});
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw SpecError({translated(file, error)});
  }
}

}  // namespace gbox::spec
