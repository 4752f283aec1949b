// What a manifest or an index names, whatever it is: images, attestations, artifacts. For those who
// copy all of it; who wants an image of it parses it as one (types.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/oci/types.h"

namespace gbox::oci {

inline constexpr std::string_view kDockerListType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";

inline constexpr int kMaxNesting = 4;  // of indexes

struct Linked {
  std::string media_type;
  std::string artifact_type;
  std::vector<Descriptor> manifests;  // of an index
  std::vector<Descriptor> blobs;      // of a manifest: the config, then what it calls layers
  std::optional<Descriptor> subject;  // what it is about
  StringMap annotations;
};

// `media_type` as whoever names the document has it; the document must not say otherwise. Throws
// Error (input).
Linked parse_linked(std::string_view text, std::string_view media_type, std::string_view what);

bool is_index_type(std::string_view media_type);     // OCI's or docker's
bool is_manifest_type(std::string_view media_type);  // likewise

// One descriptor of a document. Throws Error (input).
Descriptor parse_descriptor(const Json& value, std::string_view what);
OrderedJson descriptor_json(const Descriptor& descriptor);

}  // namespace gbox::oci
