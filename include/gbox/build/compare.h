// What differs between two images: packages with their USE flags, files, sizes, configuration; and
// a build that is done once more, elsewhere and otherwise, to see whether anything does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"

namespace gbox::build {

struct PackageDifference {
  std::string name;                    // "category/name", with ":slot" where there are several
  std::string before;                  // version; empty: it was not there
  std::string after;                   // likewise
  std::vector<std::string> use_added;  // flags that are on now; of packages in both
  std::vector<std::string> use_removed;
};

struct FileDifference {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  std::string path;               // absolute
  std::string package;            // that owns it, where one is known
  std::uint64_t size_before = 0;  // of a file's content
  std::uint64_t size_after = 0;
  std::vector<std::string> what;  // of a change: "content", "mode 0644 → 0755", "time 1 → 2", …
  std::string cause;              // of another content, where it was asked for; a guess
};

struct ConfigDifference {
  std::string field;  // "entrypoint", "env PATH"
  std::string before;
  std::string after;
};

struct ImageSummary {
  std::string place;                   // as given
  std::string digest;                  // of the manifest
  std::uint64_t compressed_bytes = 0;  // config and layers
  std::uint64_t content_bytes = 0;     // of all files
  std::size_t files = 0;               // and whatever else has a name
  std::size_t packages = 0;
  std::size_t layers = 0;
};

struct ImageDifference {
  ImageSummary before;
  ImageSummary after;
  std::uint64_t new_bytes = 0;  // of blobs that only the second has
  std::size_t same_layers = 0;
  std::vector<PackageDifference> packages;  // by name
  std::vector<FileDifference> files;        // by path
  std::vector<ConfigDifference> config;     // by field
  [[nodiscard]] bool is_equal() const { return before.digest == after.digest; }
};

// `before` and `after` are "oci:DIR[:REF]" or "oci-archive:FILE[:REF]". Layers that the store does
// not know yet are unpacked into it. Throws Error (usage, input).
ImageDifference compare_images(const std::string& store, const std::string& before,
                               const std::string& after, Observer& observer);

struct RebuildRequest {
  BuildRequest build;   // of the first image; its outputs are not used
  std::string image;    // that is to be built again; empty: what `build` gives
  std::string scratch;  // directory for the other store and the images; empty: beside the store
};

// Builds the spec's image again from the same inputs: with an empty store in another place, another
// number of jobs, packages at once and another host name, later. Inputs and source archives are
// taken over from the store; packages are not. What came of it is removed again. Differing files
// have their causes.
ImageDifference rebuild(const RebuildRequest& request, Observer& observer);

}  // namespace gbox::build
