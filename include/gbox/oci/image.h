// Puts an image together: layers that already are blobs, and the configuration, become image
// config, manifest and layout. Same input, same bytes: time and order come from the caller. Called
// by `build`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gbox/oci/attachment.h"
#include "gbox/oci/blob.h"
#include "gbox/oci/layout.h"
#include "gbox/oci/reader.h"
#include "gbox/oci/types.h"

namespace gbox::oci {

// A finished layer: a file with the (compressed) bytes, and what they are.
struct LayerBlob {
  int dirfd = -1;  // directory that `path` is relative to; ignored for an absolute path
  std::string path;
  Digest digest;  // of the file
  std::uint64_t size = 0;
  std::string media_type;  // kLayerType, kLayerGzipType, kLayerZstdType
  Digest diff_id;          // of the tar inside
  // In place of `path`: a blob that is open already, maybe a stretch of an archive.
  std::shared_ptr<const BlobFile> file;
};

// One line of the history, with its layer or without one (a step that changed no file).
struct ImageEntry {
  std::optional<LayerBlob> layer;
  History history;  // `empty_layer` is set from `layer`, whatever it says here
};

struct ImageSpec {
  Platform platform;
  std::string created;  // RFC 3339; see rfc3339()
  std::string author;
  ContainerConfig config;
  std::vector<ImageEntry> entries;  // lowest first
  StringMap annotations;            // of the manifest
};

// The texts and names an ImageSpec gives; pure, reads no file.
struct ImageDocuments {
  std::string config_text;
  std::string manifest_text;
  Descriptor config;
  Descriptor manifest;           // with the platform
  std::uint64_t size_bytes = 0;  // config and layers, compressed
  std::size_t layers = 0;
};
// Throws Error (image) on what would give an invalid image: no platform, an unknown media type, a
// time that is not RFC 3339, too many layers.
ImageDocuments make_documents(const ImageSpec& spec);

// make_documents(), then all blobs and the publishing through `writer`, with what is attached.
ImageDocuments assemble(const ImageSpec& spec, LayoutWriter& writer,
                        const std::vector<Attachment>& attachments = {});

// The entries of an image that others are stacked on, history untouched. Where the history does not
// match the layers (it is optional), one line a layer is made up. `layer` of the result has digest,
// size, media type and diff ID, but no path: the caller fills it in.
std::vector<ImageEntry> entries_of(const Image& image);

}  // namespace gbox::oci
