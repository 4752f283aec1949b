// The grammar of names and versions as PMS chapter 3 has it: the one place that says what a
// category, a package, a slot or a version can look like. It says nothing about what exists.
// Pure. Called by the checks of the spec and by everything in portage that reads names.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace gbox::spec {

// PMS 3.1.
bool is_category_name(std::string_view text);
bool is_package_name(std::string_view text);  // without the rule about versions at its end
bool is_slot_name(std::string_view text);
bool is_repository_name(std::string_view text);
bool is_use_flag_name(std::string_view text);

// Ordered as they sort; 'none' is what a version without a further suffix has in its place.
enum class VersionSuffix { alpha, beta, pre, rc, none, p };

// "1.2.3b_rc4_p5-r6" (PMS 3.2) in its parts, which are views into the text.
struct VersionParts {
  std::vector<std::string_view> numbers;  // digits each, at least one of them
  char letter = 0;                        // 0: none
  std::vector<std::pair<VersionSuffix, std::string_view>> suffixes;  // with digits, or none
  std::string_view revision;                                         // digits; empty: none
};
std::optional<VersionParts> parse_version(std::string_view text);
bool is_version(std::string_view text);

}  // namespace gbox::spec
