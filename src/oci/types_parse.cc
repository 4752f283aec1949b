// Documents of the image specification, read strictly.
#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/types.h"
#include "linked.h"
#include "strict_json.h"

namespace gbox::oci {

namespace {

// The algorithms that the OCI image spec registers; base knows one more.
Digest parse_digest(const std::string& text) {
  if (text.starts_with("sha256:") || text.starts_with("sha512:")) return Digest::parse(text);
  throw Error(quoted(text) + " is not a digest: 'sha256:…' or 'sha512:…' is expected",
              ExitCode::input);
}

constexpr std::string_view kDockerPrefix = "application/vnd.docker.";

constexpr const char* kConvertHint =
    "convert it with 'skopeo copy --format oci SOURCE oci:DIR:REF' and use that";

void check_schema_version(const Json& document, std::string_view what) {
  if (json_size(document, "schemaVersion", what) != 2) refuse(what, "'schemaVersion' is not 2");
}

// The member is optional in documents, but when there it must be the document's own type.
void check_media_type(const Json& document, std::string_view expected, std::string_view what) {
  const std::string type = optional_string(document, "mediaType", what);
  if (type.empty() || type == expected) return;
  if (type.starts_with(kDockerPrefix))
    refuse(what, "media type " + gbox::quoted(type) + " is docker's own, not oci's", kConvertHint);
  refuse(what,
         "media type " + gbox::quoted(type) + " where " + gbox::quoted(expected) + " is expected");
}

StringMap string_map(const Json& object, std::string_view key, std::string_view what) {
  StringMap result;
  const Json* map = optional_object(object, key, what);
  if (map == nullptr) return result;
  for (const auto& [name, value] : map->items()) {
    if (!value.is_string()) refuse(what, "key " + gbox::quoted(key) + " must hold strings only");
    result.emplace(name, value.get<std::string>());
  }
  return result;
}

// {"80/tcp": {}}: a set, as Go spells it.
std::set<std::string> key_set(const Json& object, std::string_view key, std::string_view what) {
  std::set<std::string> result;
  const Json* map = optional_object(object, key, what);
  if (map == nullptr) return result;
  for (const auto& [name, value] : map->items()) {
    if (!value.is_object() && !value.is_null())
      refuse(what, "key " + gbox::quoted(key) + " must hold empty objects only");
    result.insert(name);
  }
  return result;
}

Platform parse_platform(const Json& value, std::string_view what) {
  check_key_case(value, {"architecture", "os", "variant"}, what);
  return {.os = json_string(value, "os", what),
          .architecture = json_string(value, "architecture", what),
          .variant = optional_string(value, "variant", what)};
}

void check_layer(const Descriptor& layer, std::string_view what) {
  if (is_layer_type(layer.media_type)) return;
  if (layer.media_type.find("nondistributable") != std::string::npos ||
      layer.media_type.find("foreign") != std::string::npos)
    refuse(what,
           "layer type " + gbox::quoted(layer.media_type) + ": its content is not in the image");
  if (layer.media_type.starts_with(kDockerPrefix))
    refuse(what, "layer type " + gbox::quoted(layer.media_type) + " is docker's own, not oci's",
           kConvertHint);
  refuse(what, "layer type " + gbox::quoted(layer.media_type) +
                   " is not known: a tar, plain or with gzip or zstd, is expected");
}

ContainerConfig parse_container_config(const Json& value, std::string_view what) {
  check_key_case(value,
                 {"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir",
                  "Labels", "StopSignal"},
                 what);
  return {.user = optional_string(value, "User", what),
          .exposed_ports = key_set(value, "ExposedPorts", what),
          .env = optional_strings(value, "Env", what),
          .entrypoint = optional_strings(value, "Entrypoint", what),
          .cmd = optional_strings(value, "Cmd", what),
          .volumes = key_set(value, "Volumes", what),
          .working_dir = optional_string(value, "WorkingDir", what),
          .labels = string_map(value, "Labels", what),
          .stop_signal = optional_string(value, "StopSignal", what)};
}

History parse_history(const Json& value, std::string_view what) {
  check_key_case(value, {"created", "created_by", "author", "comment", "empty_layer"}, what);
  return {.created = optional_string(value, "created", what),
          .created_by = optional_string(value, "created_by", what),
          .author = optional_string(value, "author", what),
          .comment = optional_string(value, "comment", what),
          .empty_layer = optional_bool(value, "empty_layer", what)};
}

std::vector<Digest> parse_diff_ids(const Json& document, std::string_view what) {
  const Json& rootfs = json_member(document, "rootfs", what);
  check_key_case(rootfs, {"type", "diff_ids"}, what);
  if (json_string(rootfs, "type", what) != "layers") refuse(what, "'rootfs.type' is not 'layers'");
  std::vector<Digest> result;
  if (member_or_null(rootfs, "diff_ids") == nullptr) return result;
  for (const Json& entry : array_member(rootfs, "diff_ids", kMaxLayers, what)) {
    if (!entry.is_string()) refuse(what, "key 'diff_ids' must hold strings only");
    result.push_back(with_context("read " + std::string(what),
                                  [&] { return parse_digest(entry.get<std::string>()); }));
  }
  return result;
}

}  // namespace

Descriptor parse_descriptor(const Json& value, std::string_view what) {
  check_key_case(value, {"mediaType", "digest", "size", "annotations", "platform"}, what);
  Descriptor result;
  result.media_type = json_string(value, "mediaType", what);
  if (result.media_type.empty()) refuse(what, "key 'mediaType' is empty");
  // Digest admits hex only: a digest can never be a path that leads elsewhere.
  result.digest = with_context("read " + std::string(what),
                               [&] { return parse_digest(json_string(value, "digest", what)); });
  result.size = json_size(value, "size", what);
  if (result.size > kMaxBlobBytes)
    refuse(what, "a blob of " + std::to_string(result.size) + " bytes, more than " +
                     human_size(kMaxBlobBytes));
  result.annotations = string_map(value, "annotations", what);
  if (const Json* platform = member_or_null(value, "platform"))
    result.platform = parse_platform(*platform, what);
  return result;
}

Index parse_index(std::string_view text, std::string_view what) {
  const Json document = parse_document(text, what);
  check_key_case(document,
                 {"schemaVersion", "mediaType", "manifests", "annotations", "layers", "config"},
                 what);
  // CVE-2021-41190: one blob that is an index to one reader and a manifest to another.
  if (document.contains("layers") || document.contains("config"))
    refuse(what, "it is index and manifest at once");
  check_schema_version(document, what);
  check_media_type(document, kIndexType, what);
  Index result;
  for (const Json& entry : array_member(document, "manifests", kMaxIndexEntries, what))
    result.manifests.push_back(parse_descriptor(entry, what));
  result.annotations = string_map(document, "annotations", what);
  return result;
}

Manifest parse_manifest(std::string_view text, std::string_view what) {
  const Json document = parse_document(text, what);
  check_key_case(document,
                 {"schemaVersion", "mediaType", "config", "layers", "annotations", "manifests"},
                 what);
  if (document.contains("manifests")) refuse(what, "it is index and manifest at once");
  check_schema_version(document, what);
  check_media_type(document, kManifestType, what);
  Manifest result;
  result.config = parse_descriptor(json_member(document, "config", what), what);
  if (result.config.media_type.starts_with(kDockerPrefix))
    refuse(what,
           "config type " + gbox::quoted(result.config.media_type) + " is docker's own, not oci's",
           kConvertHint);
  if (result.config.media_type != kConfigType)
    refuse(what, "config type " + gbox::quoted(result.config.media_type) +
                     ": an artifact, not a container image");
  for (const Json& entry : array_member(document, "layers", kMaxLayers, what)) {
    result.layers.push_back(parse_descriptor(entry, what));
    check_layer(result.layers.back(), what);
  }
  result.annotations = string_map(document, "annotations", what);
  return result;
}

ImageConfig parse_image_config(std::string_view text, std::string_view what) {
  const Json document = parse_document(text, what);
  check_key_case(
      document,
      {"created", "author", "architecture", "variant", "os", "config", "rootfs", "history"}, what);
  ImageConfig result;
  result.created = optional_string(document, "created", what);
  result.author = optional_string(document, "author", what);
  result.platform = parse_platform(document, what);
  if (const Json* config = optional_object(document, "config", what))
    result.config = parse_container_config(*config, what);
  result.diff_ids = parse_diff_ids(document, what);
  if (member_or_null(document, "history") != nullptr) {
    for (const Json& entry : array_member(document, "history", kMaxHistoryEntries, what))
      result.history.push_back(parse_history(entry, what));
  }
  return result;
}

}  // namespace gbox::oci
