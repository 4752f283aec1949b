#pragma once

#include <string>

namespace script {

// UTF-8 in capitals, as far as German goes. Throws std::invalid_argument for broken UTF-8.
std::string capitals(const std::string& text);

}  // namespace script
