#include "parcel.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "linked.h"
#include "strict_json.h"

namespace gbox::oci {

namespace {

void gather_below(Parcel& parcel, const Descriptor& descriptor, const ReadDocument& read,
                  int depth) {
  const std::string what = gbox::quoted(descriptor.digest.to_string());
  if (parcel.has_document(descriptor.digest)) return;
  if (depth > kMaxNesting)
    refuse(what, "indexes are nested deeper than " + std::to_string(kMaxNesting));
  Parcel::Document document{.descriptor = descriptor, .text = read(descriptor)};
  const Linked linked = parse_linked(document.text, descriptor.media_type, what);
  document.has_subject = linked.subject.has_value();
  for (const Descriptor& entry : linked.manifests) {
    // Counted before it is read: a few kilobytes can name an endless tree.
    if (parcel.documents.size() >= kMaxIndexEntries)
      refuse(what, "more than " + std::to_string(kMaxIndexEntries) + " documents");
    if (is_index_type(entry.media_type) || is_manifest_type(entry.media_type))
      gather_below(parcel, entry, read, depth + 1);
    else
      parcel.blobs.emplace(entry.digest, entry);
  }
  for (const Descriptor& blob : linked.blobs) {
    const auto [known, added] = parcel.blobs.emplace(blob.digest, blob);
    if (!added && known->second.size != blob.size)
      refuse(what, "blob " + gbox::quoted(blob.digest.to_string()) + " is named with two sizes");
  }
  parcel.documents.push_back(std::move(document));
}

}  // namespace

bool Parcel::has_document(const Digest& digest) const {
  return std::any_of(documents.begin(), documents.end(), [&](const Document& document) {
    return document.descriptor.digest == digest;
  });
}

void gather(Parcel& parcel, const Descriptor& root, const ReadDocument& read) {
  gather_below(parcel, root, read, 1);
}

}  // namespace gbox::oci
