// What a container of an image starts, and with what: how its configuration becomes a command of a
// sandbox.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gbox/oci/types.h"
#include "gbox/sandbox/sandbox.h"

namespace gbox::build {

// "NAME=value" taken apart, in order.
std::vector<std::pair<std::string, std::string>> environment_of(const oci::ContainerConfig& config);

// `argv`, or what the image starts when it is empty, as the image's user, whose account is looked
// for beneath `rootfd`. Throws Error (usage) when there is nothing to start, (step) when there is
// no such account.
sandbox::Command command_of_image(const oci::ContainerConfig& config,
                                  const std::vector<std::string>& argv, int rootfd);

}  // namespace gbox::build
