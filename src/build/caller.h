// What gbox writes outside the store belongs to whoever called it.
#pragma once

#include <string>

namespace gbox::build {

// When root runs gbox, what it writes belongs to the mapped range: outputs, with all below them,
// are handed to root, who asked for them. For anybody else container root is the user already.
// Throws SysError.
void give_to_caller(const std::string& path);

}  // namespace gbox::build
