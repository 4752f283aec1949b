#include "toml_scan.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "parse.h"

namespace gbox::spec {

namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\n' : text_[at_]; }
  void step() { ++at_; }

  void skip_blanks() { skip(" \t"); }
  void skip_comment() {
    if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  }
  // Blanks, line breaks and comments.
  void skip_space() {
    std::size_t before;
    do {
      before = at_;
      skip(" \t\r\n");
      if (!done()) skip_comment();
    } while (at_ != before);
  }

  // Past the string that begins here.
  void skip_string() {
    const char quote = peek();
    const std::string triple(3, quote);
    const bool multi = text_.substr(at_).starts_with(triple);
    at_ += multi ? 3 : 1;
    for (; !done(); ++at_) {
      if (quote == '"' && text_[at_] == '\\') {
        ++at_;
      } else if (multi ? text_.substr(at_).starts_with(triple) : text_[at_] == quote) {
        at_ += multi ? 3 : 1;
        // '"""' may be followed by up to two quotes that belong to the text.
        while (multi && !done() && text_[at_] == quote) ++at_;
        return;
      }
    }
    refuse();
  }

  // Past the value that begins here. Brackets are counted, not nested calls: depth is the input's.
  void skip_value() {
    std::size_t depth = 0;
    do {
      if (done()) refuse();
      const char c = peek();
      if (c == '"' || c == '\'') {
        skip_string();
      } else if (c == '[' || c == '{') {
        ++depth;
        step();
      } else if (c == ']' || c == '}') {
        if (depth == 0) refuse();
        --depth;
        step();
      } else if (depth != 0) {
        step();
      } else {
        // A number, a date, true: up to what ends it. A date may have a blank before its time.
        at_ = std::min(text_.find_first_of(",]}#\n\r", at_), text_.size());
        while (text_[at_ - 1] == ' ' || text_[at_ - 1] == '\t') --at_;
      }
      if (depth != 0) skip_space();
    } while (depth != 0);
  }

  // Past a key and its '='; the key's text.
  std::string_view take_key() {
    const std::size_t begin = at_;
    while (!done() && peek() != '=') {
      if (peek() == '"' || peek() == '\'')
        skip_string();
      else
        step();
    }
    if (done()) refuse();
    const std::string_view key = text_.substr(begin, at_ - begin);
    step();
    skip_blanks();
    return key;
  }

  [[noreturn]] static void refuse() { throw Error("internal error: no TOML where it was"); }

 private:
  void skip(std::string_view characters) {
    at_ = std::min(text_.find_first_not_of(characters, at_), text_.size());
  }

  std::string_view text_;
  std::size_t at_;
};

// A key as it is written, without its quotes and escapes.
KeyPath decoded(std::string_view key) {
  const toml::table table = parse_toml("key", std::string(key) + "=0");
  KeyPath path;
  for (const toml::table* at = &table; at != nullptr && at->size() == 1;) {
    path.emplace_back(at->begin()->first.str());
    at = at->begin()->second.as_table();
  }
  return path;
}

}  // namespace

KeyPath Statement::path() const {
  KeyPath whole = header;
  whole.insert(whole.end(), key.begin(), key.end());
  return whole;
}

std::vector<Statement> scan_statements(std::string_view text) {
  std::vector<Statement> statements;
  KeyPath header;
  Scanner scanner(text, text.starts_with("\xEF\xBB\xBF") ? 3 : 0);
  for (scanner.skip_space(); !scanner.done(); scanner.skip_space()) {
    Statement statement;
    statement.begin = scanner.at();
    if (scanner.peek() == '[') {
      scanner.step();
      const bool list = scanner.peek() == '[';
      if (list) scanner.step();
      const std::size_t begin = scanner.at();
      while (!scanner.done() && scanner.peek() != ']') {
        if (scanner.peek() == '"' || scanner.peek() == '\'')
          scanner.skip_string();
        else
          scanner.step();
      }
      header = decoded(text.substr(begin, scanner.at() - begin));
      scanner.step();
      if (list) scanner.step();
      statement.kind = list ? Statement::Kind::tables : Statement::Kind::table;
    } else {
      statement.key = decoded(scanner.take_key());
      statement.value.begin = scanner.at();
      scanner.skip_value();
      statement.value.end = scanner.at();
    }
    statement.header = header;
    scanner.skip_blanks();
    scanner.skip_comment();
    statement.line_end = std::min(scanner.at(), text.size());
    if (text.substr(0, statement.line_end).ends_with('\r')) --statement.line_end;
    statements.push_back(std::move(statement));
  }
  return statements;
}

std::vector<Span> scan_items(std::string_view text, Span span) {
  std::vector<Span> items;
  const bool table = text[span.begin] == '{';
  Scanner scanner(text.substr(0, span.end - 1), span.begin + 1);
  for (scanner.skip_space(); !scanner.done(); scanner.skip_space()) {
    Span item{scanner.at(), 0};
    if (table) (void)scanner.take_key();
    scanner.skip_value();
    item.end = scanner.at();
    items.push_back(item);
    scanner.skip_space();
    if (!scanner.done() && scanner.peek() == ',') scanner.step();
  }
  return items;
}

EntrySpans scan_entry(std::string_view text, Span entry) {
  Scanner scanner(text, entry.begin);
  EntrySpans spans;
  spans.key = decoded(scanner.take_key());
  spans.value = {scanner.at(), entry.end};
  return spans;
}

std::size_t find_comma(std::string_view text, Span span) {
  Scanner scanner(text.substr(0, span.end), span.begin);
  scanner.skip_space();
  return !scanner.done() && scanner.peek() == ',' ? scanner.at() : std::string_view::npos;
}

bool begins_with(const KeyPath& path, const KeyPath& start) {
  return path.size() >= start.size() && std::equal(start.begin(), start.end(), path.begin());
}

}  // namespace gbox::spec
