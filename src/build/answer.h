// Asking a finished root: a command in a sandbox on it, as a container of the image would run it.
// What it changes is thrown away.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/build/observer.h"
#include "gbox/oci/types.h"
#include "gbox/store/store.h"

namespace gbox::build {

constexpr double kAnswerSeconds = 60;

// `snapshots`: all of the build, lowest first; `directory`: the image's root in them. `command`:
// words between blanks. Without a network, under the policy 'run'. nullopt when it exits 0 within
// kAnswerSeconds; else what went wrong.
std::optional<Warning> answer_of(store::Store& store, const std::vector<std::string>& snapshots,
                                 const std::string& directory, const oci::ContainerConfig& config,
                                 const std::string& command, Observer& observer);

}  // namespace gbox::build
