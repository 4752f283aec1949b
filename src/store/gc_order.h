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
  std::set<std::string> failed;    // steps
  [[nodiscard]] bool empty() const noexcept {
    return records.empty() && packages.empty() && failed.empty();
  }
};

// What must stay, because a running gbox uses it.
struct Held {
  std::set<std::string> paths;      // below the store
  std::set<std::string> snapshots;  // ids: theirs, and all that those are mounted on or made of
};
// `paths` are those of Uses::all().
Held held_by(std::set<std::string> paths, const std::vector<Record>& records,
             const std::vector<FailedStep>& failed);
// Whether `path`, or a directory that holds it, is among those paths.
bool is_held(const Held& held, const std::string& path);

// What to remove so that nothing unused for longer than the policy allows stays and `used_bytes`
// comes down to its limit, by the sizes that `size_of` gives for records. A record counts as used
// when one that was built upon it, or made of its files, is: so children go before their parents,
// and what shares files before those that they are counted with. Of what was used at the same time
// records go first: merging a package again costs little, building it a lot. Failed steps go only
// for the limit's sake.
Chosen choose_unused(const std::vector<Record>& records, const std::vector<Package>& packages,
                     const GcPolicy& policy, std::uint64_t used_bytes,
                     const std::function<std::uint64_t(const Record&)>& size_of,
                     const Held& held = {}, const std::vector<FailedStep>& failed = {});

}  // namespace gbox::store
