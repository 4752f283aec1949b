#include "gc_order.h"

#include <algorithm>
#include <map>

namespace gbox::store {

std::set<std::string> choose_records(const std::vector<Record>& records, const GcPolicy& policy,
                                     std::uint64_t used_bytes,
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
  std::vector<const Record*> order;
  for (const Record& record : records) order.push_back(&record);
  std::stable_sort(order.begin(), order.end(), [&](const Record* a, const Record* b) {
    const std::int64_t a_used = needed[a->snapshot];
    const std::int64_t b_used = needed[b->snapshot];
    if (a_used != b_used) return a_used < b_used;
    return a->parents.size() > b->parents.size();
  });
  std::set<std::string> chosen;
  for (const Record* record : order) {
    const bool expired =
        policy.unused_for && policy.now - needed[record->snapshot] > policy.unused_for->count();
    const bool crowded = policy.max_bytes && used_bytes > *policy.max_bytes;
    if (!expired && !crowded) break;  // the rest was used later still
    chosen.insert(record->key);
    used_bytes -= std::min(used_bytes, size_of(*record));
  }
  return chosen;
}

}  // namespace gbox::store
