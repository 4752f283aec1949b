#include "image_annotations.h"

#include <string_view>

#include "gbox/oci/reference.h"
#include "image_config.h"

namespace gbox::build {

namespace {

constexpr std::string_view kStandard = "org.opencontainers.image.";

std::string standard(std::string_view name) {
  return std::string(kStandard) + std::string(name);
}

}  // namespace

oci::StringMap image_annotations(const Inputs& inputs, const oci::ImageSpec& image,
                                 const ImageFacts& facts) {
  oci::StringMap annotations = {{standard("created"), image.created},
                                {standard("title"), inputs.spec.name}};
  if (inputs.spec.tag != "latest") annotations[standard("version")] = inputs.spec.tag;
  if (!facts.licenses.empty()) annotations[standard("licenses")] = facts.licenses;
  // Only of an image whose layers are the lowest of this one, as the specification has it.
  if (stacks_on_base(inputs) && inputs.spec.output.layers == spec::Layers::phase) {
    annotations[standard("base.digest")] = inputs.base_digest;
    // A path of this machine is nobody else's name for it.
    if (oci::names_registry(inputs.spec.base.image)) {
      const auto base = oci::parse_registry(inputs.spec.base.image, "base.image");
      annotations[standard("base.name")] =
          base.name() + (base.digest ? '@' + base.digest->to_string() : ':' + base.tag);
    }
  }
  // Not the labels of a base: they tell of that image.
  for (const auto& [name, value] : inputs.spec.output.config.labels)
    if (name.starts_with(kStandard)) annotations[name] = value;
  return annotations;
}

}  // namespace gbox::build
