// A step's root where no overlay can be mounted: a copy of the chain that the step works on, and
// afterwards what it has changed, as the snapshot that an overlay would have left.
#pragma once

#include <string>
#include <vector>

#include "gbox/layer/replica.h"
#include "gbox/store/store.h"
#include "gbox/sys/fd.h"
#include "meter.h"

namespace gbox::build {

class CopiedRoot {
 public:
  // `parents` are snapshot ids, lowest first; `targets` absolute paths of mount points, made in the
  // copy. What the work directory's fs() holds already is put over the copy: a failed step's. When
  // there is a spare copy that an earlier step of this process is done with, that is taken, and
  // only what differs is copied.
  CopiedRoot(store::Store& store, const store::Work& work, const std::vector<std::string>& parents,
             const std::vector<std::string>& targets);
  CopiedRoot(const CopiedRoot&) = delete;
  CopiedRoot& operator=(const CopiedRoot&) = delete;
  // Leaves the copy as a spare one. Nothing may be mounted of it any more.
  ~CopiedRoot();

  // A detached mount of the copy.
  [[nodiscard]] sys::Fd mount() const;
  [[nodiscard]] int fd() const noexcept { return root_.get(); }
  // Of it what a step has changed since it was made: as an overlay counts, where a file that is
  // changed is copied whole.
  [[nodiscard]] DiskPlace place() const { return {place_, made_ns_}; }
  // Fills fs() with what has changed so far, instead of what it held.
  void write_changes(const store::Work& work) const;

 private:
  store::Store& store_;
  std::string place_;  // the directory of the copy, as long as it is in the work directory
  sys::Fd root_;
  layer::Replica replica_;
  std::int64_t made_ns_ = 0;
};

}  // namespace gbox::build
