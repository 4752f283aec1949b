// TOML text → toml++'s tables, with its errors as ours, and fences in front of it.
#pragma once

#include <toml++/toml.h>

#include <string>
#include <string_view>

namespace gbox::spec {

// Throws SpecError with the place of the first syntax error.
toml::table parse_toml(const std::string& file, std::string_view text);

}  // namespace gbox::spec
