// An image in a registry as snapshots of the store, for running something in it.
#pragma once

#include <string>
#include <vector>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/oci/types.h"
#include "gbox/store/store.h"

namespace gbox::build {

struct RegistryImage {
  oci::ContainerConfig config;
  std::vector<std::string> snapshots;  // lowest first
};

// `text`: "docker://HOST/REPOSITORY[:TAG][@DIGEST]". The registry is asked what the name stands
// for, and for the layers unless the store has unpacked all of them before. The caller holds a
// lease. Throws Error (usage, input).
RegistryImage open_registry_image(store::Store& store, const std::string& text,
                                  const SourceOptions& sources, Observer& observer);

}  // namespace gbox::build
