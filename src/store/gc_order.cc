#include "gc_order.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "gbox/store/store.h"

namespace gbox::store {

namespace {

std::string failed_path(const FailedStep& failed) {
  return "failed/" + encode_name(failed.step);
}

using LastUses = std::map<std::string, std::int64_t>;  // of snapshots

// When each snapshot was last used: by itself, as a parent, or as what another was made of.
LastUses last_uses(const std::vector<Record>& records) {
  LastUses uses;
  const auto use = [&](const std::string& snapshot, std::int64_t when) {
    std::int64_t& last = uses[snapshot];
    last = std::max(last, when);
  };
  for (const Record& record : records) {
    use(record.snapshot, record.used);
    for (const std::string& parent : record.parents) use(parent, record.used);
  }
  // What was made of others may have become part of another: the newest hand on first.
  std::vector<const Record*> shares;
  for (const Record& record : records)
    if (!record.made_of.empty()) shares.push_back(&record);
  std::stable_sort(shares.begin(), shares.end(),
                   [](const Record* a, const Record* b) { return a->created > b->created; });
  for (const Record* record : shares)
    for (const std::string& part : record->made_of) use(part, uses[record->snapshot]);
  return uses;
}

struct Candidate {
  std::int64_t used;
  bool shares;  // its files are counted with others
  std::size_t parents;
  const Record* record = nullptr;  // one of these three
  const Package* package = nullptr;
  const FailedStep* failed = nullptr;
};

}  // namespace

Held held_by(std::set<std::string> paths, const std::vector<Record>& records,
             const std::vector<FailedStep>& failed) {
  Held held;
  held.paths = std::move(paths);
  constexpr std::string_view kSnapshots = "snapshots/";
  for (const std::string& path : held.paths)
    if (path.starts_with(kSnapshots)) held.snapshots.insert(path.substr(kSnapshots.size()));
  for (const Record& record : records)
    if (held.paths.contains("records/" + record.key + ".json"))
      held.snapshots.insert(record.snapshot);
  for (const FailedStep& step : failed)
    if (held.paths.contains(failed_path(step)))
      held.snapshots.insert(step.parents.begin(), step.parents.end());
  std::size_t before = 0;
  do {
    before = held.snapshots.size();
    for (const Record& record : records) {
      if (!held.snapshots.contains(record.snapshot)) continue;
      held.snapshots.insert(record.parents.begin(), record.parents.end());
      held.snapshots.insert(record.made_of.begin(), record.made_of.end());
    }
  } while (before != held.snapshots.size());
  return held;
}

bool is_held(const Held& held, const std::string& path) {
  if (held.paths.empty()) return false;
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    if (held.paths.contains(path.substr(0, end))) return true;
    if (end == std::string::npos) return false;
  }
}

Chosen choose_unused(const std::vector<Record>& records, const std::vector<Package>& packages,
                     const GcPolicy& policy, std::uint64_t used_bytes,
                     const std::function<std::uint64_t(const Record&)>& size_of, const Held& held,
                     const std::vector<FailedStep>& failed) {
  LastUses uses = last_uses(records);
  std::vector<Candidate> order;
  for (const Record& record : records)
    if (!held.snapshots.contains(record.snapshot))
      order.push_back(
          {uses[record.snapshot], !record.made_of.empty(), record.parents.size(), &record});
  for (const FailedStep& step : failed)
    if (!is_held(held, failed_path(step)))
      order.push_back(
          {step.created.seconds, false, step.parents.size() + 1, nullptr, nullptr, &step});
  for (const Package& package : packages)
    if (!is_held(held, "packages/" + package.key))
      order.push_back({package.used, false, 0, nullptr, &package});
  // Stable: packages stay behind records, and each kind in the caller's order.
  std::stable_sort(order.begin(), order.end(), [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.used, !a.shares, b.parents) < std::tuple(b.used, !b.shares, a.parents);
  });
  Chosen chosen;
  for (const Candidate& each : order) {
    const bool expired = policy.unused_for && policy.now - each.used > policy.unused_for->count();
    const bool crowded = policy.max_bytes && used_bytes > *policy.max_bytes;
    if (!expired && !crowded) break;  // the rest was used later still
    std::uint64_t bytes = 0;
    if (each.record != nullptr) {
      chosen.records.insert(each.record->key);
      bytes = size_of(*each.record);
    } else if (each.package != nullptr) {
      chosen.packages.insert(each.package->key);
      bytes = each.package->size_bytes;
    } else if (crowded) {  // failures have an age of their own
      chosen.failed.insert(each.failed->step);
      bytes = each.failed->size_bytes;
    }
    used_bytes -= std::min(used_bytes, bytes);
  }
  return chosen;
}

}  // namespace gbox::store
