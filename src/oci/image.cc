#include "gbox/oci/image.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::oci {

namespace {

[[noreturn]] void refuse_image(const std::string& why) {
  throw Error("put the image together: " + why, ExitCode::image);
}

void check_time(const std::string& time, std::string_view which) {
  if (!is_rfc3339(time))
    refuse_image("the time " + gbox::quoted(time) + " of " + std::string(which) +
                 " is not one like '2026-11-15T17:03:12Z'");
}

void check(const ImageSpec& spec) {
  if (spec.platform.os.empty() || spec.platform.architecture.empty())
    refuse_image("operating system and architecture are not set");
  check_time(spec.created, "the image");
  if (spec.entries.size() > kMaxHistoryEntries)
    refuse_image(std::to_string(spec.entries.size()) + " steps are more than " +
                 std::to_string(kMaxHistoryEntries));
  for (const ImageEntry& entry : spec.entries) {
    if (!entry.history.created.empty()) check_time(entry.history.created, "a step");
    if (!entry.layer) continue;
    if (!is_layer_type(entry.layer->media_type))
      refuse_image("layer type " + gbox::quoted(entry.layer->media_type) + " is not known");
    if (entry.layer->digest.empty() || entry.layer->diff_id.empty())
      refuse_image("layer " + gbox::quoted(entry.layer->path) + " has no digest");
  }
}

}  // namespace

ImageDocuments make_documents(const ImageSpec& spec) {
  check(spec);
  ImageDocuments result;
  ImageConfig config{.created = spec.created,
                     .author = spec.author,
                     .platform = spec.platform,
                     .config = spec.config};
  Manifest manifest{.annotations = spec.annotations};
  for (const ImageEntry& entry : spec.entries) {
    History history = entry.history;
    history.empty_layer = !entry.layer;
    config.history.push_back(std::move(history));
    if (!entry.layer) continue;
    config.diff_ids.push_back(entry.layer->diff_id);
    manifest.layers.push_back({.media_type = entry.layer->media_type,
                               .digest = entry.layer->digest,
                               .size = entry.layer->size});
    result.size_bytes += entry.layer->size;
  }
  result.layers = manifest.layers.size();
  if (result.layers > kMaxLayers)
    refuse_image(std::to_string(result.layers) + " layers are more than " +
                 std::to_string(kMaxLayers));
  result.config_text = to_json(config);
  manifest.config = {.media_type = std::string(kConfigType),
                     .digest = sha256(result.config_text),
                     .size = result.config_text.size()};
  result.manifest_text = to_json(manifest);
  result.config = manifest.config;
  result.manifest = {.media_type = std::string(kManifestType),
                     .digest = sha256(result.manifest_text),
                     .size = result.manifest_text.size(),
                     .platform = spec.platform};
  result.size_bytes += result.config.size;
  return result;
}

ImageDocuments assemble(const ImageSpec& spec, LayoutWriter& writer,
                        const std::vector<Attachment>& attachments) {
  ImageDocuments documents = make_documents(spec);
  for (const ImageEntry& entry : spec.entries) {
    if (!entry.layer) continue;
    const LayerBlob& layer = *entry.layer;
    const Descriptor descriptor{
        .media_type = layer.media_type, .digest = layer.digest, .size = layer.size};
    if (layer.file)
      writer.add_blob(*layer.file, descriptor);
    else
      writer.add_file(layer.dirfd, layer.path, descriptor);
  }
  (void)writer.add_bytes(documents.config_text, kConfigType);  // its descriptor is known already
  (void)writer.add_bytes(documents.manifest_text, kManifestType);
  writer.publish(documents.manifest, add_attachments(writer, documents.manifest, attachments));
  return documents;
}

std::vector<ImageEntry> entries_of(const Image& image) {
  const auto layer = [&](std::size_t i) {
    const Descriptor& blob = image.manifest.layers.at(i);
    return LayerBlob{.path = {},
                     .digest = blob.digest,
                     .size = blob.size,
                     .media_type = blob.media_type,
                     .diff_id = image.config.diff_ids.at(i)};
  };
  const std::size_t layers = image.manifest.layers.size();
  const std::vector<History>& history = image.config.history;
  const auto with_layer = static_cast<std::size_t>(std::count_if(
      history.begin(), history.end(), [](const History& entry) { return !entry.empty_layer; }));
  std::vector<ImageEntry> entries;
  if (with_layer != layers) {
    for (std::size_t i = 0; i < layers; ++i)
      entries.push_back({.layer = layer(i),
                         .history = {.created = image.config.created, .created_by = "base image"}});
    return entries;
  }
  std::size_t next = 0;
  for (const History& entry : history)
    entries.push_back({.layer = entry.empty_layer ? std::nullopt : std::optional(layer(next++)),
                       .history = entry});
  return entries;
}

}  // namespace gbox::oci
