// What is attached to an image, read back.
#pragma once

#include <string>

namespace gbox::build {

enum class BillFormat { spdx, cyclonedx };

// The bill of materials of the image at `place` ("oci:DIR[:REF]", "oci-archive:FILE[:REF]"). Throws
// Error (input) when it has none.
std::string attached_bill(const std::string& place, BillFormat format);

}  // namespace gbox::build
