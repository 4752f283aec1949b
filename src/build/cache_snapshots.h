// The snapshots of a build's phases, from and to the places that builds share what they have made
// by (shared_snapshot.h): one upon the other, as the build comes to them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cache_place.h"
#include "gbox/build/observer.h"
#include "gbox/plan/explain.h"
#include "gbox/plan/plan.h"
#include "gbox/store/store.h"

namespace gbox::build {

class CacheSnapshots {
 public:
  // All is borrowed.
  CacheSnapshots(const std::vector<CachePlace>& from, store::Store& store, Observer& observer)
      : from_(from), store_(store), observer_(observer) {}

  // Takes the result of `step`, on what made() was told of, into the store, when a place has it.
  // What is damaged there is warned of. False: the step has to run.
  bool bring(const plan::Step& step, const std::string& spec,
             const std::vector<std::string>& parents);
  enum class Renewed { no, yes };  // whether it was asked to run although it might be there
  // The step that now is on top; of steps that are no phases nothing is shared.
  void made(const plan::Step& step, const store::Record& record, Renewed renewed);
  // Says of the steps that are not in the store whether a place has them.
  void foretell(std::vector<plan::PlannedStep>& planned) const;

  struct Written {
    std::size_t written = 0;
    std::size_t already = 0;
    std::uint64_t bytes = 0;
    std::string other;  // the phase that is there as another build; empty: none is
  };
  // Writes what is not there. Throws Error.
  Written write_to(const std::string& directory);
  Written write_to(SharedRegistry& registry);

 private:
  struct Link {
    store::Record record;
    Renewed renewed = Renewed::no;
  };
  template <class Find, class Put>
  Written write(Find&& find, Put&& put);
  [[nodiscard]] std::string mark_of(const Link& link, const std::vector<std::string>& upon);

  const std::vector<CachePlace>& from_;
  store::Store& store_;
  Observer& observer_;
  std::vector<Link> links_;        // phases, lowest first
  std::vector<std::string> upon_;  // their marks
  bool known_ = true;              // whether those are all of them
  bool refused_ = false;           // the snapshot of the step that comes next
};

}  // namespace gbox::build
