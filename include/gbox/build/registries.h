// How registries are spoken to: as whoever called gbox, with the certificates of this build.
#pragma once

#include <string>

#include "gbox/build/observer.h"
#include "gbox/oci/registry.h"

namespace gbox::build {

// `ca`: a PEM file trusted besides the system's, "" for none. `observer` is borrowed. Throws Error
// (usage) for a file that holds no certificate.
oci::RegistryOptions registry_options(const std::string& ca, bool plain_http, Observer& observer);

}  // namespace gbox::build
