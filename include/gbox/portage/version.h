// Versions of packages as PMS chapter 3 defines them: grammar, order, and where the version begins
// in 'name-1.2-r3'. Pure. Called by whatever matches atoms or picks the newest ebuild.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gbox::portage {

// "1.2.3b_rc4_p5-r6" (PMS 3.2).
bool is_version(std::string_view text);

// Below 0, 0 or above 0 as `a` is older than, equal to or newer than `b` (PMS 3.3, algorithms
// 3.1 to 3.7). Both must be versions. Numbers may have any length.
int compare_versions(std::string_view a, std::string_view b);

// The version without its revision: "1.2-r3" → "1.2".
std::string_view without_revision(std::string_view version);

struct NameVersion {
  std::string name;
  std::string version;
};
// Takes "php-8.3.1-r2" apart. nullopt when there is no version or no valid name before it.
std::optional<NameVersion> split_name_version(std::string_view text);

// Grammar of names (PMS 3.1).
bool is_category_name(std::string_view text);
bool is_package_name(std::string_view text);  // without the rule about versions at its end
bool is_slot_name(std::string_view text);
bool is_repository_name(std::string_view text);
bool is_use_flag_name(std::string_view text);

}  // namespace gbox::portage
