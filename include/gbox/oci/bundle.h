// An artifact of gbox's own in a registry: a manifest with a type, a small document as its config,
// and blobs (image-spec 1.1, "Guidelines for Artifact Usage"). Pure text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/oci/types.h"

namespace gbox::oci {

struct Bundle {
  std::string type;  // artifactType
  Descriptor config;
  std::vector<Descriptor> blobs;
};

std::string to_json(const Bundle& bundle);
// Throws Error (input) for what is no manifest.
Bundle parse_bundle(std::string_view text, std::string_view what);

}  // namespace gbox::oci
