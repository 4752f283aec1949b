#include "gc_order.h"

#include <algorithm>
#include <map>

namespace gbox::store {

Chosen choose_unused(const std::vector<Record>& records, const std::vector<Package>& packages,
                     const GcPolicy& policy, std::uint64_t used_bytes,
                     const std::function<std::uint64_t(const Record&)>& size_of) {
  std::map<std::string, std::int64_t> needed;  // snapshot → last use, children's included
  for (const Record& record : records) {
    const auto use = [&](const std::string& snapshot) {
      std::int64_t& last = needed[snapshot];
      last = std::max(last, record.used);
    };
    use(record.snapshot);
    for (const std::string& parent : record.parents) use(parent);
  }
  struct Candidate {
    std::int64_t used;
    std::size_t parents;
    const Record* record;  // one of these two
    const Package* package;
  };
  std::vector<Candidate> order;
  for (const Record& record : records)
    order.push_back({needed[record.snapshot], record.parents.size(), &record, nullptr});
  for (const Package& package : packages) order.push_back({package.used, 0, nullptr, &package});
  // Stable: packages stay behind records, and each kind in the caller's order.
  std::stable_sort(order.begin(), order.end(), [](const Candidate& a, const Candidate& b) {
    return a.used != b.used ? a.used < b.used : a.parents > b.parents;
  });
  Chosen chosen;
  for (const Candidate& each : order) {
    const bool expired = policy.unused_for && policy.now - each.used > policy.unused_for->count();
    const bool crowded = policy.max_bytes && used_bytes > *policy.max_bytes;
    if (!expired && !crowded) break;  // the rest was used later still
    if (each.record != nullptr)
      chosen.records.insert(each.record->key);
    else
      chosen.packages.insert(each.package->key);
    used_bytes -= std::min(
        used_bytes, each.record != nullptr ? size_of(*each.record) : each.package->size_bytes);
  }
  return chosen;
}

}  // namespace gbox::store
