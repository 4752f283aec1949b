// Reads images out of an OCI image layout, a directory or an uncompressed archive (which is indexed
// by offset, never unpacked). Everything in it is taken for hostile: symbolic links are not
// followed, every document is checked against the digest and size that name it, and limits hold
// before memory is taken. Called by `build` for 'base.image', by 'gbox run' and by the checker.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gbox/oci/blob.h"
#include "gbox/oci/location.h"
#include "gbox/oci/types.h"

namespace gbox::oci {

// One image: its manifest's descriptor (with platform and annotations as the index has them) and
// the parsed, verified documents. Layers and diff IDs are equally many.
struct Image {
  Descriptor descriptor;
  Manifest manifest;
  ImageConfig config;
};

class LayoutReader {
 public:
  // Opens the layout, checks 'oci-layout' and parses 'index.json'. Throws Error (input).
  explicit LayoutReader(const ImageLocation& location);
  LayoutReader(LayoutReader&&) noexcept;
  LayoutReader& operator=(LayoutReader&&) noexcept;
  ~LayoutReader();

  [[nodiscard]] const ImageLocation& location() const noexcept;
  [[nodiscard]] const Index& index() const noexcept;

  // The entries of the index that the location's reference names: one, or one for each platform.
  // Throws Error (input) that lists what there is when there is none, or no telling which.
  [[nodiscard]] std::vector<Descriptor> named() const;

  // The image the location's reference names (the only one when it names none), for `platform` when
  // an index offers several. Attestations (platform unknown/unknown) are passed over. Throws Error
  // (input) that lists what there is when none or more than one is left.
  [[nodiscard]] Image pick(const std::optional<Platform>& platform = std::nullopt) const;

  // The documents behind a manifest's descriptor, checked against each other.
  [[nodiscard]] Image read_image(const Descriptor& manifest) const;

  // A whole document, its size and digest checked. Throws when larger than kMaxDocumentBytes.
  [[nodiscard]] std::string read_document(const Descriptor& descriptor) const;

  // Only the size is checked here; see verify_blob() and copy_blob() for the content.
  [[nodiscard]] BlobFile open_blob(const Descriptor& descriptor) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gbox::oci
