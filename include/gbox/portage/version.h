// Versions of packages as PMS chapter 3 defines them: order, and where the version begins in
// 'name-1.2-r3'. The grammar is the spec's. Pure. Called by whatever matches atoms or picks the
// newest ebuild.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gbox/spec/names.h"

namespace gbox::portage {

using spec::is_category_name;
using spec::is_package_name;
using spec::is_repository_name;
using spec::is_slot_name;
using spec::is_use_flag_name;
using spec::is_version;

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

}  // namespace gbox::portage
