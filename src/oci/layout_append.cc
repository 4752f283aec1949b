#include "layout_append.h"

#include "files.h"
#include "linked.h"

namespace gbox::oci {

KeptImages read_kept_images(const OutputTarget& target, std::string_view ref_name) {
  KeptImages kept;
  kept.reader = std::make_unique<LayoutReader>(ImageLocation{target.transport, target.path, {}});
  const LayoutReader& reader = *kept.reader;
  const ReadDocument read = [&](const Descriptor& each) { return reader.read_document(each); };
  for (const Descriptor& entry : reader.index().manifests) {
    if (ref_name_of(entry) == ref_name) continue;
    kept.entries.push_back(entry);
    gather(kept.parcel, entry, read);
  }
  const auto index = referrers_of(reader.index().annotations);
  if (!index) return kept;
  kept.referrers = reader.read_document(*index);
  for (const Descriptor& artifact : parse_referrers(kept.referrers)) {
    const Linked linked =
        parse_linked(reader.read_document(artifact), artifact.media_type, "what is about an image");
    if (!linked.subject || !kept.parcel.has_document(linked.subject->digest)) continue;
    kept.about_them.insert(artifact.digest);
    gather(kept.parcel, artifact, read);
  }
  return kept;
}

bool KeptImages::is_current(const OutputTarget& target) const {
  return to_json(read_index(*open_files(target))) == to_json(reader->index());
}

}  // namespace gbox::oci
