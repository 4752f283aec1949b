#include "gbox/oci/bundle.h"

#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "linked.h"
#include "strict_json.h"

namespace gbox::oci {

namespace {

OrderedJson json_of(const Descriptor& descriptor) {
  return {{"mediaType", descriptor.media_type},
          {"digest", descriptor.digest.to_string()},
          {"size", descriptor.size}};
}

}  // namespace

std::string to_json(const Bundle& bundle) {
  OrderedJson blobs = OrderedJson::array();
  for (const Descriptor& blob : bundle.blobs) blobs.push_back(json_of(blob));
  const OrderedJson document = {{"schemaVersion", 2},
                                {"mediaType", kManifestType},
                                {"artifactType", bundle.type},
                                {"config", json_of(bundle.config)},
                                {"layers", std::move(blobs)}};
  return document.dump();
}

Bundle parse_bundle(std::string_view text, std::string_view what) {
  Linked linked = parse_linked(text, kManifestType, what);
  Bundle bundle;
  bundle.type = std::move(linked.artifact_type);
  bundle.config = std::move(linked.blobs.front());
  bundle.blobs.assign(std::make_move_iterator(linked.blobs.begin() + 1),
                      std::make_move_iterator(linked.blobs.end()));
  return bundle;
}

}  // namespace gbox::oci
