// Writes one image as an OCI image layout: a directory or an uncompressed tar archive. Everything
// is written beside the target and published by one rename, so a crash or an error leaves the old
// target or the new one, never half. It adds an image to a layout that holds another one only when
// asked to, and never replaces what is not an image layout.
// Called by `build`, which hands over blobs that already lie in its store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/oci/blob.h"
#include "gbox/oci/location.h"
#include "gbox/oci/types.h"
#include "gbox/sys/file.h"

namespace gbox::oci {

// Images under other names in a layout that is written to. podman and skopeo take a layout with
// several only by a name ('oci:DIR:NAME'), so nobody gets one unasked.
enum class Others { refuse, keep };

// Looks at the target before a build starts; touches nothing. Fine are: nothing there (the parent
// directory exists and can be written), an empty directory or file, and a layout (archive) that
// holds at most one image, under no name or under `ref_name`; with Others::keep, any number under
// names of their own. Everything else throws Error (image) with what to do.
void check_target(const OutputTarget& target, std::string_view ref_name,
                  Others others = Others::refuse);

// Whether the target already is this image under this name: index.json says so and every blob the
// manifest names is there with the right size. Cheap, reads no layer; never throws for what it
// finds there.
// `annotations`: names of annotations that the index must have.
bool is_up_to_date(const OutputTarget& target, const ImageName& name, const Digest& manifest,
                   const std::vector<std::string>& annotations = {});

// Whether a blob in a directory may be a second name of the file it comes from, where file system
// and mode (readable by all) allow. A link costs nothing, but whoever writes into the layout then
// writes into the source.
enum class Sharing { copy, hard_link };

struct WriteOptions {
  ImageName name;
  Others others = Others::refuse;
  Sharing sharing = Sharing::copy;  // copy: reflink where the file system can, else copy_file_range
  // Called with bytes copied so far and in all, several times a second of copying; may throw to
  // stop, after which nothing is left behind. May be empty.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  // Whether everything reaches the disk before the rename; only tests do without.
  sys::Durable durable = sys::Durable::yes;
  WarningSink* warnings = nullptr;  // told when an old layout could not be removed whole
};

class LayoutWriter {
 public:
  // Checks the target as check_target() does. Nothing is written before publish().
  LayoutWriter(OutputTarget target, WriteOptions options);
  LayoutWriter(LayoutWriter&&) noexcept;
  LayoutWriter& operator=(LayoutWriter&&) noexcept;
  ~LayoutWriter();

  // Registers a blob that is a file. The file is opened at once, so that it may lose its name
  // meanwhile; its size must be the descriptor's, its content is trusted to have the digest.
  // The same digest twice is harmless.
  void add_file(int dirfd, const std::string& path, const Descriptor& descriptor);
  // Likewise of one that is open; its descriptor is duplicated.
  void add_blob(const BlobFile& blob, const Descriptor& descriptor);
  // Registers a blob that is at hand, and names it.
  Descriptor add_bytes(std::string bytes, std::string_view media_type);

  // Writes layout and index.json with `manifest` as the only entry, or behind those of other names
  // that are kept with what is about them, and renames it into place. A
  // target that appeared or changed since the constructor is checked again. Call once.
  // `annotations` are those of the whole index.
  void publish(const Descriptor& manifest, const StringMap& annotations = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gbox::oci
