// One package of a directory of include/gbox/build/share.h into the store.
#pragma once

#include "gbox/store/store.h"
#include "shared_directory.h"

namespace gbox::build {

// `from` is its file, as SharedDirectory::open() gives it, `scratch` a directory on the store's
// file system. Throws Error (input) when it is not what is told of it; the store is then as it was.
void take_package(store::Store& store, const SharedPackage& shared, const sys::Fd& from,
                  int scratch, CopyProgress& progress);

}  // namespace gbox::build
