// A scratch directory with a small image that the tests bend.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "gbox/base/text.h"
#include "gbox/oci/image.h"
#include "gbox/oci/reader.h"
#include "gbox/oci/verify.h"
#include "gbox/sys/file.h"

namespace gbox::oci {

// The message (and, behind " | ", the hint) of the Error that `action` throws; "" when it does not.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.hint().empty() ? error.message() : error.message() + " | " + error.hint();
  }
  return {};
}

template <class Action>
ExitCode code_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::ok;
}

struct Fixture {
  sys::TempDir dir{"/tmp", "gbox-oci-test-"};

  [[nodiscard]] std::string at(const std::string& name) const { return dir.path() + '/' + name; }
  void put(const std::string& name, std::string_view text, mode_t mode = 0644) const {
    sys::write_file_atomically(dir.fd(), name, text, mode, sys::Durable::no);
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    return sys::read_file(dir.fd(), name);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    return sys::list_directory(dir.fd(), "scratch");
  }

  // A layer whose bytes are `content`, as a file beside the layout.
  [[nodiscard]] LayerBlob layer(const std::string& name, const std::string& content) const {
    put(name, content, 0444);
    return {.dirfd = dir.fd(),
            .path = name,
            .digest = sha256(content),
            .size = content.size(),
            .media_type = std::string(kLayerType),
            .diff_id = sha256(content)};
  }

  [[nodiscard]] ImageSpec spec(const std::string& content = "layer one") const {
    return {.platform = {"linux", "amd64", ""},
            .created = "2026-11-15T17:03:12Z",
            .entries = {
                {.layer = layer("layer.tar", content), .history = {.created_by = "phase 'one'"}},
                {.layer = std::nullopt, .history = {.created_by = "phase 'nothing'"}}}};
  }

  ImageDocuments write(const OutputTarget& target, const ImageSpec& image,
                       const std::string& tag = "latest", Sharing sharing = Sharing::copy) const {
    LayoutWriter writer(target, {.name = image_name(target.reference, "tiny", tag),
                                 .sharing = sharing,
                                 .durable = sys::Durable::no});
    return assemble(image, writer);
  }

  [[nodiscard]] ImageLocation directory(const std::string& name = "out",
                                        const std::string& reference = {}) const {
    return {Transport::directory, at(name), reference};
  }
  [[nodiscard]] ImageLocation archive(const std::string& name = "out.tar",
                                      const std::string& reference = {}) const {
    return {Transport::archive, at(name), reference};
  }

  // Adds a blob to the layout 'out' by hand, whatever it says.
  Descriptor plant(const std::string& text, std::string_view media_type) const {
    const Digest digest = sha256(text);
    put("out/blobs/sha256/" + digest.hex(), text);
    return {.media_type = std::string(media_type), .digest = digest, .size = text.size()};
  }
  void plant_index(const std::vector<Descriptor>& entries) const {
    put("out/index.json", to_json(Index{.manifests = entries}));
  }
};

}  // namespace gbox::oci
