// What a file holds, as a digest.
#pragma once

#include <string>

#include "gbox/base/digest.h"

namespace gbox::sys {

// SHA-256 of what `fd` gives from where it stands to its end. `subject` names it in errors.
Digest sha256_of(int fd, const std::string& subject);

}  // namespace gbox::sys
