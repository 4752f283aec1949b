// What a layout holds besides the image that is written to it: read before, to be in it afterwards.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/oci/attachment.h"
#include "gbox/oci/reader.h"
#include "parcel.h"

namespace gbox::oci {

struct KeptImages {
  std::unique_ptr<LayoutReader> reader;
  std::vector<Descriptor> entries;  // of index.json, but for the one under the new name
  Parcel parcel;                    // all that they are made of, and what is about them
  std::string referrers;            // the index of what is about images there; "" = none
  std::set<Digest> about_them;      // those of it that are about the kept ones
  // What was read: whether it still is what is there.
  [[nodiscard]] bool is_current(const OutputTarget& target) const;
};

// Throws Error (input) for what is damaged there.
KeptImages read_kept_images(const OutputTarget& target, std::string_view ref_name);

}  // namespace gbox::oci
