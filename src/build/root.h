// The root file system of a step: an overlay of its parents' snapshots with the step's own upper
// directory on top, and below them all a layer of empty mount points, so that a sandbox can mount
// without leaving stubs in the step's result.
#pragma once

#include <string>
#include <vector>

#include "gbox/store/store.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

// A step's directories: what it changes, where its temporary files go, its mount points.
class StepRoot {
 public:
  // `parents` are snapshot ids, lowest first. `work` is borrowed. Makes the directories for
  // temporary files and one empty mount point for each target (absolute paths).
  StepRoot(const store::Store& store, const store::Work& work, std::vector<std::string> parents,
           const std::vector<std::string>& targets);

  // A detached mount of the whole, made afresh each time: one may exist at a time.
  [[nodiscard]] sys::Fd mount() const;
  // Directories on the store's disk for /tmp and /var/tmp: not part of the result.
  [[nodiscard]] std::string scratch(const std::string& name) const;
  // Takes mount points that had to be made in the upper directory (because an earlier step had
  // removed theirs) out of it again, if they are still empty. Paths relative to the root.
  void remove_stubs(const std::vector<std::string>& made) const;

 private:
  const store::Store& store_;
  const store::Work& work_;
  std::vector<std::string> parents_;
};

// All snapshots of a chain as one read-only view.
sys::Fd mount_chain(const store::Store& store, const std::vector<std::string>& snapshots);

}  // namespace gbox::build
