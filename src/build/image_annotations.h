// The standard annotations of the image specification (annotations.md): what is known of an image
// without asking anybody. The spec's own labels of such names win.
#pragma once

#include "gbox/oci/image.h"
#include "image_facts.h"
#include "inputs.h"

namespace gbox::build {

// `image` with its time and configuration.
oci::StringMap image_annotations(const Inputs& inputs, const oci::ImageSpec& image,
                                 const ImageFacts& facts);

}  // namespace gbox::build
