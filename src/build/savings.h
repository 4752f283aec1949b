// What a phase took out of its root, line by line of the spec: kept in its record, for
// 'gbox image du'.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/build/image_usage.h"

namespace gbox::build {

Json to_json(const std::vector<Saving>& savings);
// Of a record's "saved", without the phase; what is not of this form is passed over.
std::vector<Saving> savings_of(const Json& extra);

// Removes the entry `name` of a directory with all that is in it, never following a link.
// Files of several names count once in one call.
struct Removed {
  std::size_t entries = 0;  // that were named, not what was in them
  std::uint64_t bytes = 0;
  std::size_t files = 0;
};
void remove_entry(int dirfd, const std::string& name, Removed& removed);

}  // namespace gbox::build
