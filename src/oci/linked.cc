#include "linked.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "strict_json.h"

namespace gbox::oci {

bool is_index_type(std::string_view media_type) {
  return media_type == kIndexType || media_type == kDockerListType;
}

bool is_manifest_type(std::string_view media_type) {
  return media_type == kManifestType || media_type == kDockerManifestType;
}

Linked parse_linked(std::string_view text, std::string_view media_type, std::string_view what) {
  const auto check_type = [&](std::string_view type) {
    if (!is_index_type(type) && !is_manifest_type(type))
      refuse(what,
             "media type " + gbox::quoted(type) + " where a manifest or an index is expected");
  };
  // Said of a page for people before it is found to be no JSON.
  if (!media_type.empty()) check_type(media_type);
  const Json document = parse_document(text, what);
  check_key_case(document,
                 {"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests",
                  "subject", "annotations"},
                 what);
  if (json_size(document, "schemaVersion", what) != 2) refuse(what, "'schemaVersion' is not 2");
  Linked linked;
  linked.media_type = optional_string(document, "mediaType", what);
  if (linked.media_type.empty()) linked.media_type = media_type;
  if (!media_type.empty() && linked.media_type != media_type)
    refuse(what, "it says that it is " + gbox::quoted(linked.media_type) + ", and is named as " +
                     gbox::quoted(media_type));
  linked.artifact_type = optional_string(document, "artifactType", what);
  if (const Json* subject = member_or_null(document, "subject"))
    linked.subject = parse_descriptor(*subject, what);
  if (const Json* annotations = optional_object(document, "annotations", what))
    for (const auto& [name, value] : annotations->items())
      if (value.is_string()) linked.annotations.emplace(name, value.get<std::string>());
  if (is_index_type(linked.media_type)) {
    // CVE-2021-41190: one blob that is an index to one reader and a manifest to another.
    if (document.contains("layers") || document.contains("config"))
      refuse(what, "it is index and manifest at once");
    for (const Json& entry : array_member(document, "manifests", kMaxIndexEntries, what))
      linked.manifests.push_back(parse_descriptor(entry, what));
    return linked;
  }
  check_type(linked.media_type);
  if (document.contains("manifests")) refuse(what, "it is index and manifest at once");
  linked.blobs.push_back(parse_descriptor(json_member(document, "config", what), what));
  if (member_or_null(document, "layers") != nullptr)
    for (const Json& entry : array_member(document, "layers", kMaxLayers, what))
      linked.blobs.push_back(parse_descriptor(entry, what));
  return linked;
}

}  // namespace gbox::oci
