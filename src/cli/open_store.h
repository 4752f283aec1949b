// The store of a command that needs no build.
#pragma once

#include "commands.h"
#include "gbox/store/store.h"

namespace gbox::cli {

store::Store open_store(const StoreArgs& args, Console& console);

}  // namespace gbox::cli
