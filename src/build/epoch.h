// The time that an image tells instead of the times at which it was made (SOURCE_DATE_EPOCH,
// reproducible-builds.org). Nothing here reads a clock: equal inputs give the same one.
//
// There are two. The image's own: of its files, its configuration and history. And the one that
// scripts see, which is part of their steps' keys: the environment of gbox has no say in it, so
// that a pipeline may set another one for each commit without anything being built again. What
// builds packages sees portage::kPackageEpoch, for packages outlive specs and snapshots.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gbox/base/sink.h"
#include "gbox/store/store.h"
#include "inputs.h"

namespace gbox::build {

// SOURCE_DATE_EPOCH of gbox's environment. Throws Error (usage) when it is no number of seconds.
std::optional<std::int64_t> environment_epoch();

// What [output] says, else the newest of the dates of the locked stage3 and snapshots; nullopt when
// all inputs are files of this machine.
std::optional<std::int64_t> input_epoch(const Inputs& inputs);

// The time of the newest file of the base, where nothing else tells one. Remembered in the store.
std::int64_t base_epoch(store::Store& store, const std::string& snapshot);

// Where it lies in the future, times before it are kept, which no two builds share.
void warn_of_future(std::int64_t epoch, WarningSink& warnings);

// Of a lock: "20261115T170312Z" or "20261115"; nullopt for anything else.
std::optional<std::int64_t> time_of_stamp(const std::string& stamp);

}  // namespace gbox::build
