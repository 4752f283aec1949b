// Which records go first when space or age says that some must. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gbox/store/gc.h"
#include "gbox/store/record.h"

namespace gbox::store {

// Keys to remove so that nothing unused for longer than the policy allows stays and `used_bytes`
// comes down to its limit, by the sizes that `size_of` gives. A record counts as used when one that
// was built upon it is, so that children go before their parents.
std::set<std::string> choose_records(const std::vector<Record>& records, const GcPolicy& policy,
                                     std::uint64_t used_bytes,
                                     const std::function<std::uint64_t(const Record&)>& size_of);

}  // namespace gbox::store
