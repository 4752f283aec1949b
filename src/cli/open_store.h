// The store of a command that needs no build.
#pragma once

#include "commands.h"
#include "gbox/store/store.h"

namespace gbox::cli {

store::Store open_store(const StoreArgs& args, Console& console);

// Whether it is one of [[phase.mount]]: "cache:ID".
bool is_cache(const store::Record& record);
// What goes when the record does: of a cache all that steps have put on top of each other.
std::uint64_t kept_bytes(const store::Store& store, const store::Record& record);

}  // namespace gbox::cli
