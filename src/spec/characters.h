// Kinds of characters in ASCII, whatever the locale.
#pragma once

#include <algorithm>
#include <string_view>

namespace gbox::spec {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline bool is_word(char c) {
  return is_letter(c) || is_digit(c) || c == '_';
}

// Not empty, and nothing but word characters and `extra`.
inline bool is_made_of(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_word(c) || extra.find(c) != std::string_view::npos;
  });
}

}  // namespace gbox::spec
