// Which records and packages go first when space or age says that some must. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gbox/store/gc.h"
#include "gbox/store/record.h"

namespace gbox::store {

struct Chosen {
  std::set<std::string> records;   // keys
  std::set<std::string> packages;  // keys
  [[nodiscard]] bool empty() const noexcept { return records.empty() && packages.empty(); }
};

// What to remove so that nothing unused for longer than the policy allows stays and `used_bytes`
// comes down to its limit, by the sizes that `size_of` gives for records. A record counts as used
// when one that was built upon it is, so that children go before their parents. Of what was used at
// the same time records go first: merging a package again costs little, building it a lot.
Chosen choose_unused(const std::vector<Record>& records, const std::vector<Package>& packages,
                     const GcPolicy& policy, std::uint64_t used_bytes,
                     const std::function<std::uint64_t(const Record&)>& size_of);

}  // namespace gbox::store
