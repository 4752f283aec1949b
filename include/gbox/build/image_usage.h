// What takes the space in an image or after a phase, what the spec's lines saved, and what trimming
// would save next; and which images a layout holds. Nothing of them is run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/content/sizes.h"
#include "gbox/oci/types.h"

namespace gbox::build {

// What a line of the spec took out of a root.
struct Saving {
  std::string phase;
  std::string line;  // as the spec has it: "trim docs", "remove /usr/include", "depclean"
  std::uint64_t bytes = 0;
  std::size_t files = 0;              // all that is no directory
  std::vector<std::string> packages;  // of an unmerge: those that went
};

struct ImageUsage {
  std::string subject;  // the image's reference, or the step
  std::string root;     // of the phase
  content::Sizes sizes;
  std::size_t packages = 0;   // that own something of it
  std::vector<Saving> saved;  // in the order of the steps; of an image not known
  bool by_package = false;    // whether a database of packages was found
};

// `subject`: 'oci:DIR[:REF]', 'oci-archive:FILE', the name of a finished step, or at least six
// digits of its key. `root`: a directory of it to look at; "" for the phase's own. `keep_locales`:
// as 'trim' would have it, besides those that the spec's phases keep. Inside the store's namespace.
ImageUsage image_usage(const std::string& store, const std::string& subject,
                       const std::string& root, const std::vector<std::string>& keep_locales,
                       Observer& observer);

struct ListedLayer {
  std::string digest;
  std::uint64_t size_bytes = 0;
  std::string created_by;  // of the history
};
struct ListedImage {
  std::string reference;  // as it is called in the layout; "" when it has no name
  std::string digest;
  std::string platform;  // "linux/amd64"
  std::string created;
  std::uint64_t size_bytes = 0;  // of layers and configuration, compressed
  std::vector<ListedLayer> layers;
};
// The images of 'oci:DIR' or 'oci-archive:FILE'; attestations and the like are none.
std::vector<ListedImage> list_images(const std::string& location);

}  // namespace gbox::build
