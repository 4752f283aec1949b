// Checks an image layout as a whole and says everything that is wrong, not just the first thing.
// Used by the tests and by the command that verifies an image. Changes nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/oci/blob.h"
#include "gbox/oci/location.h"

namespace gbox::oci {

// Digest of the tar inside a layer blob; decompression belongs to the `layer` module, which this
// one does not know. May throw Error: its message becomes a complaint.
using DiffIdOf = std::function<Digest(const BlobFile& blob, std::string_view media_type)>;

// One complaint a line, in the order index, manifests, configs, layers, strays; empty: all is well.
// Checked: layout version, schema of every document, exactly one entry in index.json, media types,
// presence, size and digest of every blob that is named, history against layers, blobs that nobody
// names, and, when `diff_id_of` is given, every diff ID.
std::vector<std::string> verify_layout(const ImageLocation& location,
                                       const DiffIdOf& diff_id_of = {});

}  // namespace gbox::oci
