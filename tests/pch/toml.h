// As std.h, for a module that reads TOML.
#include <toml++/toml.h>

#include "std.h"
