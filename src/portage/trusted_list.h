// The text of keys/gentoo.toml, built into the program (keys/embed.py).
#pragma once

#include <string_view>

namespace gbox::portage {

std::string_view trusted_list();

}  // namespace gbox::portage
