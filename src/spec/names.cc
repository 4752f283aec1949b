#include "gbox/spec/names.h"

#include <algorithm>
#include <array>

#include "characters.h"

namespace gbox::spec {

namespace {

std::string_view take_digits(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

struct SuffixName {
  std::string_view text;
  VersionSuffix suffix;
};
// '_p' last: it is the beginning of '_pre'.
constexpr std::array<SuffixName, 5> kSuffixes = {{{"_alpha", VersionSuffix::alpha},
                                                  {"_beta", VersionSuffix::beta},
                                                  {"_pre", VersionSuffix::pre},
                                                  {"_rc", VersionSuffix::rc},
                                                  {"_p", VersionSuffix::p}}};

}  // namespace

std::optional<VersionParts> parse_version(std::string_view text) {
  VersionParts parts;
  for (;;) {
    const std::string_view digits = take_digits(text);
    if (digits.empty()) return std::nullopt;
    parts.numbers.push_back(digits);
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    parts.letter = text.front();
    text.remove_prefix(1);
  }
  while (text.starts_with('_')) {
    const auto* found =
        std::find_if(kSuffixes.begin(), kSuffixes.end(),
                     [&](const SuffixName& name) { return text.starts_with(name.text); });
    if (found == kSuffixes.end()) return std::nullopt;
    text.remove_prefix(found->text.size());
    parts.suffixes.emplace_back(found->suffix, take_digits(text));
  }
  if (text.starts_with("-r")) {
    text.remove_prefix(2);
    parts.revision = take_digits(text);
    if (parts.revision.empty()) return std::nullopt;
  }
  return text.empty() ? std::optional(parts) : std::nullopt;
}

bool is_version(std::string_view text) {
  return parse_version(text).has_value();
}

bool is_category_name(std::string_view text) {
  return is_made_of(text, "+.-") && text.front() != '-' && text.front() != '+' &&
         text.front() != '.';
}

bool is_package_name(std::string_view text) {
  return is_made_of(text, "+-") && text.front() != '-' && text.front() != '+';
}

bool is_slot_name(std::string_view text) {
  return is_made_of(text, "+.-") && text.front() != '-' && text.front() != '+' &&
         text.front() != '.';
}

bool is_repository_name(std::string_view text) {
  return is_made_of(text, "-") && text.front() != '-';
}

bool is_use_flag_name(std::string_view text) {
  return is_made_of(text, "+@-") && (is_word(text.front())) && text.front() != '_';
}

}  // namespace gbox::spec
