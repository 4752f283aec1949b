#include "gbox/portage/version.h"

#include <algorithm>

namespace gbox::portage {

namespace {

using Parts = spec::VersionParts;
using Suffix = spec::VersionSuffix;

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

int compare_versions(std::string_view a, std::string_view b) {
  const auto left = spec::parse_version(a);
  const auto right = spec::parse_version(b);
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

}  // namespace gbox::portage
