// MD5 as Portage's own formats have it: a metadata cache's entries, an installed package's
// CONTENTS. It tells whether something changed, and verifies nothing that could be forged.
#pragma once

#include <string>
#include <string_view>

namespace gbox::portage {

// In hex.
std::string md5_hex(std::string_view bytes);

}  // namespace gbox::portage
