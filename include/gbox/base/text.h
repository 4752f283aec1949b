// Text for people and for files: quoting, suggestions, sizes, durations. No locale, no I/O.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gbox {

// 'name', with control characters and quotes made visible, so that a hostile name cannot forge a
// line or drive the terminal.
std::string quoted(std::string_view name);
// For strings: exact matches, or std::quoted would be found wherever <iomanip> is included.
inline std::string quoted(const std::string& name) {
  return quoted(std::string_view(name));
}
inline std::string quoted(std::string& name) {
  return quoted(std::string_view(name));
}
inline std::string quoted(const char* name) {
  return quoted(std::string_view(name));
}
// "'a', 'b' and 'c'"; empty input gives an empty string.
std::string quoted_list(const std::vector<std::string>& names);

// Replaces bytes that would drive a terminal (C0 but tab, DEL, C1 as UTF-8, broken UTF-8) by '?'.
// For one line of output; a trailing newline must be cut before.
std::string printable(std::string_view line);

std::vector<std::string> split(std::string_view text, char separator);  // keeps empty fields
std::vector<std::string> split_words(std::string_view text);            // on blanks, no empties
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);

// The number that is the whole of `text`; nullopt when it is anything else, a blank or a '+'
// included, or does not fit.
template <std::integral Number>
std::optional<Number> whole_number(std::string_view text, int base = 10) {
  Number value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, base);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

// The candidate nearest to `word` by edit distance, when near enough to be a likely slip; else "".
std::string nearest(std::string_view word, std::span<const std::string> candidates);

std::string counted(std::size_t count, std::string_view one);  // "1 step", "2 steps"
std::string human_size(std::uint64_t bytes);                   // "84.1 MiB"
std::string human_duration(double seconds);                    // "0:52", "1:02:03"

}  // namespace gbox
