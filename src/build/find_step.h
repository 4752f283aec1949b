// What a person calls a finished step by, and what an image: for commands that look into either.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gbox/store/store.h"

namespace gbox::build {

// 'oci:DIR[:REF]' or 'oci-archive:FILE', and not a step.
bool names_image(const std::string& text);

// The newest record of a step, or of what a package was merged with; of that spec, or of any.
std::optional<store::Record> newest_of(const store::Store& store, const std::string& name,
                                       const std::string& spec = {});

// A finished step, by name or by at least the first six digits of its key. Throws Error (usage).
store::Record find_step(const store::Store& store, const std::string& name);

// All snapshots that its result is made of, lowest first.
std::vector<std::string> chain_of(const store::Record& record);

}  // namespace gbox::build
