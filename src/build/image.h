// From snapshots to a published image: each layer packed once and kept in the store, then the
// configuration, manifest and layout for every output.
#pragma once

#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/oci/location.h"
#include "gbox/store/store.h"
#include "inputs.h"
#include "packer.h"

namespace gbox::build {

// One finished step, in order.
struct Built {
  store::Record record;
  std::string created_by;  // for the image's history
};

// Where the outputs go, checked before a build starts: nothing there is replaced that is not an
// image. Without any, 'oci:NAME' in the current directory. Throws Error (usage, image).
std::vector<oci::OutputTarget> check_outputs(const std::vector<std::string>& outputs,
                                             const spec::BuildSpec& spec);

// Packs what is not packed yet and writes every output.
std::vector<OutputInfo> emit_image(const Inputs& inputs, store::Store& store,
                                   const std::vector<Built>& steps,
                                   const std::vector<oci::OutputTarget>& targets,
                                   const LayerPacker& packer, Observer& observer);

}  // namespace gbox::build
