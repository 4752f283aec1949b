// As std.h, for a module most files of which see gbox/base/json.h.
#include <nlohmann/json.hpp>

#include "std.h"
