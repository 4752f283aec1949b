#include "gbox/build/describe.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/attachment.h"
#include "gbox/oci/reader.h"

namespace gbox::build {

std::string attached_bill(const std::string& place, BillFormat format) {
  const oci::LayoutReader reader(oci::parse_source(place));
  const oci::Image image = reader.pick();
  const std::string_view type = format == BillFormat::spdx ? oci::kSpdxType : oci::kCycloneDxType;
  for (oci::Attachment& each : oci::read_attachments(reader, image.descriptor.digest))
    if (each.type == type) return std::move(each.bytes);
  throw Error("image " + quoted(place) + " has no bill of materials attached", ExitCode::input)
      .set_hint(
          "gbox attaches one unless the spec says 'sbom = false', and where the image's root "
          "has or had a database of packages; 'skopeo copy' leaves it behind");
}

}  // namespace gbox::build
