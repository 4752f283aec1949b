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
// image. Without any, 'oci:NAME' in the current directory. None when no image is to be `written`:
// then only the words of `outputs` are looked at. Throws Error (usage, image).
std::vector<oci::OutputTarget> check_outputs(const std::vector<std::string>& outputs,
                                             const spec::BuildSpec& spec, bool written);

// Of the base's programs, not of this machine: an i386 base gives an i386 image.
oci::Platform image_platform(const Inputs& inputs, const store::Store& store, const Built& base);

// Writes a finished image to every target that does not hold it yet. `name` and `tag` are what a
// target without a reference of its own is called by.
std::vector<OutputInfo> write_image(const oci::ImageSpec& image, const std::string& name,
                                    const std::string& tag,
                                    const std::vector<oci::OutputTarget>& targets,
                                    Observer& observer);

// Packs what is not packed yet and writes every output.
std::vector<OutputInfo> emit_image(const Inputs& inputs, store::Store& store,
                                   const std::vector<Built>& steps,
                                   const std::vector<oci::OutputTarget>& targets,
                                   const LayerPacker& packer, Observer& observer);

}  // namespace gbox::build
