// One pass over each directory of a store, removing what nothing refers to, and then what must go
// for a limit's sake. Either the store is ours alone (gc.cc), or what running gboxes use is held
// (room.cc). Nobody but those two uses this.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "gc_order.h"
#include "impl.h"

namespace gbox::store {

class Collector {
 public:
  // `held` is what must stay; nullptr: nothing does, the store is ours alone. All is borrowed.
  Collector(Store& store, Store::Impl& impl, const GcPolicy& policy, const Held* held = nullptr)
      : store_(store), impl_(impl), policy_(policy), held_(held) {}

  void collect();
  // False when nothing more can or must go.
  bool make_room();

  [[nodiscard]] std::size_t logs() const noexcept { return logs_; }

 private:
  [[nodiscard]] bool is_held(const std::string& path) const {
    return held_ != nullptr && store::is_held(*held_, path);
  }
  // A file that somebody is about to rename into place.
  [[nodiscard]] bool may_be_unfinished(const std::string& name) const {
    return held_ != nullptr && !name.ends_with(".json");
  }
  void unlink(const std::string& relative);
  bool is_old(const std::string& relative);

  void drop_unsound_records();
  void drop_unsound_packages();
  void drop_old_failures();
  void drop_failures_upon(const std::vector<Record>& records, const std::set<std::string>& keys);
  void drop_snapshots();
  void drop_layers();
  void drop_blobs();
  bool drop_inputs();
  void drop_incoming();
  void drop_memos();
  void drop_logs();
  void drop_locks();

  Store& store_;
  Store::Impl& impl_;
  const GcPolicy& policy_;
  const Held* held_;
  std::size_t logs_ = 0;
  std::map<std::string, LayerEntry> layers_;
};

}  // namespace gbox::store
