// The spec's ebuild repositories as an image of their own: what a container without them is given
// at run time (`gbox run --with-repos`, a volume, COPY --from). Each repository is a layer at
// /var/db/repos/NAME, so that a sync moves only what changed. Equal repositories give an equal
// image, on any machine: owners, modes and times are not taken from where they lie.
#pragma once

#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/oci/location.h"
#include "image.h"
#include "inputs.h"
#include "packer.h"
#include "sources.h"

namespace gbox::build {

// Where they go, checked before a build starts as check_outputs() does. `images` is where the image
// goes: no two may share a place. Throws Error (usage, image).
std::vector<oci::OutputTarget> check_repos_outputs(const std::vector<std::string>& outputs,
                                                   const std::vector<oci::OutputTarget>& images,
                                                   const spec::BuildSpec& spec, oci::Others others);

// Packs what is not packed yet, opening repositories for that, and writes every target; nothing for
// no target. `base` gives the architecture. Throws Error.
std::vector<OutputInfo> emit_repos_image(Inputs& inputs, Sources& sources, const Built& base,
                                         const std::vector<oci::OutputTarget>& targets,
                                         const LayerPacker& packer, oci::Others others);

}  // namespace gbox::build
