#include "docker_types.h"

#include <array>

#include "gbox/base/text.h"
#include "linked.h"
#include "strict_json.h"

namespace gbox::oci {

namespace {

struct Name {
  std::string_view docker;
  std::string_view oci;
};
constexpr std::array<Name, 4> kLayers = {
    {{"application/vnd.docker.image.rootfs.diff.tar.gzip", kLayerGzipType},
     {"application/vnd.docker.image.rootfs.diff.tar", kLayerType},
     {"application/vnd.docker.image.rootfs.diff.tar.zstd", kLayerZstdType},
     {"application/vnd.docker.image.rootfs.diff.tar.zst", kLayerZstdType}}};

}  // namespace

std::string convert_docker_manifest(std::string_view text, std::string_view what) {
  const Linked linked = parse_linked(text, kDockerManifestType, what);
  Manifest manifest;
  for (Descriptor blob : linked.blobs) {
    blob.annotations.clear();
    if (manifest.config.digest.empty()) {
      blob.media_type = kConfigType;
      manifest.config = std::move(blob);
      continue;
    }
    std::string type;
    for (const Name& name : kLayers)
      if (blob.media_type == name.docker) type = name.oci;
    if (type.empty())
      refuse(what, "layer type " + gbox::quoted(blob.media_type) +
                       " is not known, or its content is not in the image");
    blob.media_type = std::move(type);
    manifest.layers.push_back(std::move(blob));
  }
  return to_json(manifest);
}

}  // namespace gbox::oci
