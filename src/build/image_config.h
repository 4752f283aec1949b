// The configuration of the image that a build writes: what the spec says, upon what the base's own
// image says where that is stacked on.
#pragma once

#include "gbox/oci/types.h"
#include "inputs.h"

namespace gbox::build {

// Whether the base's own image shows in what is written: its root is the output's.
bool stacks_on_base(const Inputs& inputs);

// The user is as written: a name, perhaps. What gbox itself labels an image with is in it.
oci::ContainerConfig image_config(const Inputs& inputs);

}  // namespace gbox::build
