#include "gbox/portage/version.h"

#include <algorithm>
#include <array>
#include <vector>

namespace gbox::portage {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

bool is_made_of(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_word(c) || extra.find(c) != std::string_view::npos;
  });
}

std::string_view take_digits(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

// Ordered as they sort; 'none' is what a version without a further suffix has in its place.
enum class Suffix { alpha, beta, pre, rc, none, p };

struct SuffixName {
  std::string_view text;
  Suffix suffix;
};
// '_p' last: it is the beginning of '_pre'.
constexpr std::array<SuffixName, 5> kSuffixes = {{{"_alpha", Suffix::alpha},
                                                  {"_beta", Suffix::beta},
                                                  {"_pre", Suffix::pre},
                                                  {"_rc", Suffix::rc},
                                                  {"_p", Suffix::p}}};

struct Parts {
  std::vector<std::string_view> numbers;
  char letter = 0;
  std::vector<std::pair<Suffix, std::string_view>> suffixes;
  std::string_view revision;
};

std::optional<Parts> parse(std::string_view text) {
  Parts parts;
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

int sign(int value) {
  return value < 0 ? -1 : (value > 0 ? 1 : 0);
}

// As integers of any length; an empty text counts as 0.
int compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

// As decimal fractions: what is behind the first dot when one side begins with 0 (algorithm 3.3).
int compare_fractions(std::string_view a, std::string_view b) {
  a = a.substr(0, a.find_last_not_of('0') + 1);
  b = b.substr(0, b.find_last_not_of('0') + 1);
  return sign(a.compare(b));
}

int compare_components(const Parts& a, const Parts& b) {
  if (const int first = compare_numbers(a.numbers.front(), b.numbers.front())) return first;
  const std::size_t common = std::min(a.numbers.size(), b.numbers.size());
  for (std::size_t i = 1; i < common; ++i) {
    const bool fraction = a.numbers[i].front() == '0' || b.numbers[i].front() == '0';
    const int order = fraction ? compare_fractions(a.numbers[i], b.numbers[i])
                               : compare_numbers(a.numbers[i], b.numbers[i]);
    if (order != 0) return order;
  }
  if (a.numbers.size() != b.numbers.size()) return a.numbers.size() < b.numbers.size() ? -1 : 1;
  return 0;
}

int compare_suffixes(const Parts& a, const Parts& b) {
  const std::size_t most = std::max(a.suffixes.size(), b.suffixes.size());
  for (std::size_t i = 0; i < most; ++i) {
    const Suffix left = i < a.suffixes.size() ? a.suffixes[i].first : Suffix::none;
    const Suffix right = i < b.suffixes.size() ? b.suffixes[i].first : Suffix::none;
    if (left != right) return left < right ? -1 : 1;
    if (const int order = compare_numbers(a.suffixes[i].second, b.suffixes[i].second)) return order;
  }
  return 0;
}

}  // namespace

bool is_version(std::string_view text) {
  return parse(text).has_value();
}

int compare_versions(std::string_view a, std::string_view b) {
  const auto left = parse(a);
  const auto right = parse(b);
  if (!left || !right) return sign(a.compare(b));
  if (const int order = compare_components(*left, *right)) return order;
  if (left->letter != right->letter) return left->letter < right->letter ? -1 : 1;
  if (const int order = compare_suffixes(*left, *right)) return order;
  return compare_numbers(left->revision, right->revision);
}

std::string_view without_revision(std::string_view version) {
  return version.substr(0, version.rfind("-r"));
}

std::optional<NameVersion> split_name_version(std::string_view text) {
  for (std::size_t dash = text.find('-'); dash != std::string_view::npos;
       dash = text.find('-', dash + 1))
    if (is_version(text.substr(dash + 1)) && is_package_name(text.substr(0, dash)))
      return NameVersion{std::string(text.substr(0, dash)), std::string(text.substr(dash + 1))};
  return std::nullopt;
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

}  // namespace gbox::portage
