// An image of somebody else's making as a chain of snapshots: each layer is verified against its
// digests, unpacked once, and kept under a key of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/oci/reader.h"
#include "gbox/store/store.h"

namespace gbox::build {

// Snapshot ids, lowest first, of an image whose layers all have been unpacked before; else nullopt.
std::optional<std::vector<std::string>> find_layers(store::Store& store, const oci::Image& image);
// Likewise, of any image that can be read.
std::vector<std::string> import_layers(store::Store& store, const oci::LayoutReader& reader,
                                       const oci::Image& image, Observer& observer);

}  // namespace gbox::build
