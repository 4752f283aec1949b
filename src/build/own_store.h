// Opening the store of whoever runs gbox.
#pragma once

#include <string>

#include "gbox/base/sink.h"
#include "gbox/store/store.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/userns.h"

namespace gbox::build {

// Made with the ids of this namespace, and refused when it was made with others: Error (host).
inline store::Store open_own_store(const std::string& path, WarningSink& warnings) {
  return store::Store::open(path, sys::describe(sys::current_uid_map()), warnings);
}

}  // namespace gbox::build
