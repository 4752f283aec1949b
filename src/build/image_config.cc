#include "image_config.h"

#include "base_image.h"
#include "labels.h"

namespace gbox::build {

bool stacks_on_base(const Inputs& inputs) {
  return inputs.base_image != nullptr && inputs.spec.output.root == "/";
}

oci::ContainerConfig image_config(const Inputs& inputs) {
  const spec::ImageConfig& from = inputs.spec.output.config;
  oci::ContainerConfig config;
  config.user = from.user;
  config.exposed_ports = {from.ports.begin(), from.ports.end()};
  for (const auto& [name, value] : from.env) config.env.push_back(name + '=' + value);
  config.entrypoint = from.entrypoint;
  config.cmd = from.cmd;
  config.volumes = {from.volumes.begin(), from.volumes.end()};
  config.working_dir = from.working_dir;
  config.labels = {from.labels.begin(), from.labels.end()};
  config.labels.merge(own_labels(inputs.spec, inputs.policies));  // which leaves what is there
  config.labels.emplace(
      kBaseLabel, (inputs.lock.base ? inputs.lock.base->file.name + ' ' : "") + inputs.base_digest);
  config.stop_signal = from.stop_signal;
  return stacks_on_base(inputs) ? inherit_config(inputs.base_image->image.config.config, config)
                                : config;
}

}  // namespace gbox::build
