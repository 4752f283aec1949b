// What the two halves of Registry share.
#pragma once

#include "gbox/oci/registry.h"
#include "registry_session.h"

namespace gbox::oci {

struct Registry::State {
  State(RegistryOptions options, std::string host, std::string repository, Rights rights,
        std::vector<std::string> mount_from)
      : session(std::move(options), std::move(host), std::move(repository), rights,
                std::move(mount_from)) {}
  RegistrySession session;
};

// "layer sha256:0123456789ab": enough digits to tell blobs apart, and to fit a line.
std::string short_name(const Digest& digest);

}  // namespace gbox::oci
