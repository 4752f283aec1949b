// How text is coloured on a terminal that takes it.
#pragma once

#include <string_view>

namespace gbox::cli {

inline constexpr std::string_view kRed = "\x1b[1;31m";
inline constexpr std::string_view kGreen = "\x1b[32m";
inline constexpr std::string_view kCyan = "\x1b[36m";
inline constexpr std::string_view kReset = "\x1b[0m";

}  // namespace gbox::cli
