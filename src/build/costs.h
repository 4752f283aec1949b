// What building a package took the last time, or one that is like it. From the store's packages.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gbox/portage/emerge_plan.h"
#include "gbox/store/record.h"

namespace gbox::build {

struct Cost {
  double seconds = 0;
  std::uint64_t peak_bytes = 0;  // of memory, by samples; 0: unknown
};

class Costs {
 public:
  explicit Costs(const std::vector<store::Package>& known);
  // Of the builds of this package, whatever their version and slot: of the same version
  // before others, of those with the fewest other flags of USE before others, then the newest.
  [[nodiscard]] std::optional<Cost> of(const portage::PlannedPackage& package) const;

 private:
  struct Build {
    std::string cpv;
    std::map<std::string, bool> use;
    Cost cost;
    store::Moment created;
  };
  std::map<std::string, std::vector<Build>, std::less<>> builds_;  // by "category/name"
};

}  // namespace gbox::build
