// What a finished root tells of its image, and what its check had to say: remembered in the store,
// so that a build in which nothing changed does not walk through all of the root again.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/oci/types.h"
#include "gbox/store/store.h"
#include "image.h"
#include "inputs.h"

namespace gbox::build {

struct ImageFacts {
  oci::Platform platform;  // by the ELF headers of its programs
  std::string user;        // for the configuration: numbers where the spec has names
  std::string licenses;    // of its packages, an SPDX expression; "" without a package
  // What the check told, to be told again.
  std::vector<std::pair<std::string, std::string>> told;
  std::vector<Warning> warnings;
  bool operator==(const ImageFacts& other) const;
};

// Everything that decides what the check finds: what is in the root, what the image's configuration
// starts, what is asked for, and which gbox asks.
std::string check_state(const Inputs& inputs, const std::vector<Built>& steps,
                        const oci::ContainerConfig& config);

// Of the last check of this spec that passed; nullopt when that was of another state. A damaged one
// is none.
std::optional<ImageFacts> recall_facts(store::Store& store, const std::string& spec,
                                       const std::string& state);
void remember_facts(store::Store& store, const std::string& spec, const std::string& state,
                    const ImageFacts& facts);

}  // namespace gbox::build
