// struct stat as the callers of each architecture have it in memory.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "gbox/sandbox/notified.h"

namespace gbox::sandbox {

// What this call would write. Empty where the layout is not known.
std::vector<std::byte> stat_layout(const Call& call, const struct stat& status);

}  // namespace gbox::sandbox
