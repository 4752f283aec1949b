// Everything that has to be there before a name can stand for an image: documents and blobs, from a
// root down. Gathered from a layout for push, from a registry for pull.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gbox/oci/types.h"

namespace gbox::oci {

struct Parcel {
  struct Document {
    Descriptor descriptor;
    std::string text;
    bool has_subject = false;
  };
  std::vector<Document> documents;  // each behind all that it names; the root last
  std::map<Digest, Descriptor> blobs;
  [[nodiscard]] bool has_document(const Digest& digest) const;
};

// The text of a document, verified.
using ReadDocument = std::function<std::string(const Descriptor&)>;

// Adds `root` and all below it. Nesting and numbers are limited. Throws Error (input).
void gather(Parcel& parcel, const Descriptor& root, const ReadDocument& read);

}  // namespace gbox::oci
