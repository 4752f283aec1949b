// The programs of inside/*.py as one text; made from them when gbox is built.
#pragma once

#include <string_view>

namespace gbox::build {

std::string_view root_effects_text();

}  // namespace gbox::build
