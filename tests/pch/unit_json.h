// As unit.h, for tests most of which see gbox/base/json.h.
#include <nlohmann/json.hpp>

#include "unit.h"
