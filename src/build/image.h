// From snapshots to a published image: each layer packed once and kept in the store, then the
// configuration, manifest and layout for every output.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/oci/layout.h"
#include "gbox/oci/location.h"
#include "gbox/store/store.h"
#include "inputs.h"
#include "packer.h"
#include "sources.h"

namespace gbox::build {

struct ImageFacts;  // image_facts.h

// One finished step, in order.
struct Built {
  store::Record record;
  std::string created_by;  // for the image's history
};

// Where the outputs go, checked before a build starts: nothing there is replaced that is not an
// image. Without any, 'oci:NAME' in the current directory. None when no image is to be `written`:
// then only the words of `outputs` are looked at. Throws Error (usage, image).
std::vector<oci::OutputTarget> check_outputs(const std::vector<std::string>& outputs,
                                             const spec::BuildSpec& spec, bool written,
                                             oci::Others others = oci::Others::refuse);

// Of the base's programs, not of this machine: an i386 base gives an i386 image. What no program
// tells is taken from the base's own image.
oci::Platform image_platform(const Inputs& inputs, const store::Store& store, const Built& base);

// What goes with an image: made when there is a target that lacks the image or this.
struct Attached {
  std::vector<std::string> index_keys;  // annotations that show that a target has it
  std::function<std::vector<oci::Attachment>()> make;
};

// `others` is what becomes of other images in a target, here and below.
// Writes a finished image to every target that does not hold it yet. `name` and `tag` are what a
// target without a reference of its own is called by.
std::vector<OutputInfo> write_image(const oci::ImageSpec& image, const std::string& name,
                                    const std::string& tag,
                                    const std::vector<oci::OutputTarget>& targets,
                                    Observer& observer, oci::Others others,
                                    const Attached& attached = {});

// Packs what is not packed yet and writes every output, with what describes the image beside it.
// `facts` are check_image()'s.
// `begin` is when the build began, in seconds of the epoch.
std::vector<OutputInfo> emit_image(Inputs& inputs, Sources& sources,
                                   const std::vector<Built>& steps, const ImageFacts& facts,
                                   const std::vector<oci::OutputTarget>& targets,
                                   const LayerPacker& packer, std::int64_t begin,
                                   oci::Others others);

}  // namespace gbox::build
