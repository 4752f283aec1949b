#include "cells.h"

#include <clocale>
#include <cwchar>

#include "gbox/base/text.h"

namespace gbox::cli {

namespace {

// wcwidth(3) answers for the locale of the thread, and a build runs in whatever the user has set,
// the C locale included. C.UTF-8 is built into glibc since 2.35 and shipped by Debian before.
class Utf8Locale {
 public:
  Utf8Locale() noexcept : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (locale_ != nullptr) ::freelocale(locale_);
  }
  [[nodiscard]] int width(char32_t character) const noexcept {
    if (locale_ == nullptr) return 1;  // no such locale: a guess that is right for most text
    const locale_t before = ::uselocale(locale_);
    const int width = ::wcwidth(static_cast<wchar_t>(character));
    ::uselocale(before);
    return width;
  }

 private:
  locale_t locale_;
};

struct Character {
  std::string_view bytes;
  char32_t code = 0;
};

// The first character of clean (hence well-formed) UTF-8.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t length = 1;
  char32_t code = byte(0);
  if (byte(0) >= 0xf0) {
    length = 4;
    code = byte(0) & 0x07u;
  } else if (byte(0) >= 0xe0) {
    length = 3;
    code = byte(0) & 0x0fu;
  } else if (byte(0) >= 0xc0) {
    length = 2;
    code = byte(0) & 0x1fu;
  }
  if (length > text.size()) return {text.substr(0, 1), U'?'};
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3fu);
  return {text.substr(0, length), code};
}

std::size_t width_of(char32_t code) {
  if (code < 0x7f) return 1;
  static const Utf8Locale locale;
  const int width = locale.width(code);
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

bool reorders_text(char32_t code) {
  return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

// Length of the escape sequence at `text`'s start (which is ESC); 1 when it is none.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return 1;
  const char kind = text[1];
  if (kind == '[') {  // CSI: parameters, then one final byte
    for (std::size_t i = 2; i < text.size(); ++i)
      if (text[i] >= 0x40 && text[i] <= 0x7e) return i + 1;
    return text.size();
  }
  if (kind == ']') {  // OSC, such as a window title: up to BEL or ESC backslash
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b') return i + (i + 1 < text.size() ? 2 : 1);
    }
    return text.size();
  }
  if (kind == '(' || kind == ')') return text.size() > 2 ? 3 : 2;  // character sets
  return kind >= 0x30 && kind <= 0x7e ? 2 : 1;
}

std::string_view after_last_return(std::string_view line) {
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t position = line.rfind('\r');
  return position == std::string_view::npos ? line : line.substr(position + 1);
}

}  // namespace

std::string clean_line(std::string_view line) {
  line = after_last_return(line);
  std::string plain;
  plain.reserve(line.size());
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == '\x1b') {
      const std::size_t length = escape_length(line.substr(i));
      if (length == 1) plain += '?';
      i += length;
    } else {
      plain += line[i++];
    }
  }
  plain = printable(plain);
  std::string result;
  result.reserve(plain.size());
  std::size_t column = 0;
  for (std::string_view rest = plain; !rest.empty();) {
    const Character character = first_character(rest);
    rest.remove_prefix(character.bytes.size());
    if (character.code == '\t') {
      const std::size_t blanks = 8 - column % 8;
      result.append(blanks, ' ');
      column += blanks;
    } else if (reorders_text(character.code)) {
      result += '?';
      ++column;
    } else {
      result += character.bytes;
      column += width_of(character.code);
    }
  }
  return result;
}

std::size_t cell_width(std::string_view text) {
  std::size_t cells = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    cells += width_of(character.code);
    text.remove_prefix(character.bytes.size());
  }
  return cells;
}

std::string cut_to_cells(std::string_view text, std::size_t cells) {
  if (cells == 0) return {};
  std::size_t used = 0;
  std::size_t fits = 0;  // bytes that leave one cell for the ellipsis
  std::string_view rest = text;
  while (!rest.empty()) {
    const Character character = first_character(rest);
    used += width_of(character.code);
    if (used > cells) return std::string(text.substr(0, fits)) + "…";
    rest.remove_prefix(character.bytes.size());
    if (used < cells) fits = text.size() - rest.size();
  }
  return std::string(text);
}

std::string padded(std::string_view text, std::size_t cells) {
  std::string result(text);
  const std::size_t width = cell_width(text);
  if (width < cells) result.append(cells - width, ' ');
  return result;
}

std::string right_aligned(std::string_view text, std::size_t cells) {
  const std::size_t width = cell_width(text);
  return std::string(width < cells ? cells - width : 0, ' ') + std::string(text);
}

}  // namespace gbox::cli
