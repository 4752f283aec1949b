// The root file system of a step: what its parents' snapshots show, with what the step changes on
// top, and mount points that are no part of its result. How that is put together depends on what
// the host can do (sys::means): an overlay mount of the kernel's or of fuse-overlayfs, or a copy.
// Whatever shows a chain of snapshots goes through here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chain_view.h"
#include "copied_root.h"
#include "gbox/store/store.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/fuse_overlay.h"
#include "meter.h"

namespace gbox::build {

// A step's directories: what it changes, where its temporary files go, its mount points.
class StepRoot {
 public:
  // `parents` are snapshot ids, lowest first. `work` is borrowed. Makes the directories for
  // temporary files and one empty mount point for each target (absolute paths).
  StepRoot(store::Store& store, const store::Work& work, std::vector<std::string> parents,
           std::vector<std::string> targets);

  // A detached mount of the whole, made afresh each time: one may exist at a time. A root that is
  // a copy is copied the first time.
  [[nodiscard]] sys::Fd mount() const;
  // Directories on the store's disk for /tmp and /var/tmp: not part of the result.
  [[nodiscard]] std::string scratch(const std::string& name) const;
  // Where a step that works on it fills the store's disk.
  [[nodiscard]] std::vector<DiskPlace> places() const;
  // Takes mount points that had to be made in the root (because an earlier step had removed
  // theirs) out of the result again, if they are still empty. Paths relative to the root.
  void remove_stubs(const std::vector<std::string>& made) const;
  // Takes what this step has put at `path`, relative to the root, out of its result.
  void remove_made(const std::string& path);
  // Brings what the step has changed to the work directory's fs(), where snapshots are made of.
  // When nothing is mounted any more, before the work is published or kept.
  void finish();

 private:
  [[nodiscard]] CopiedRoot& copy() const;
  void remove_from_result(const std::string& path) const;
  void settle_fuse() const;

  store::Store& store_;
  const store::Work& work_;
  std::vector<std::string> parents_;
  std::vector<std::string> targets_;
  mutable std::unique_ptr<CopiedRoot> copy_;
  mutable std::unique_ptr<sys::FuseOverlay> fuse_;
  std::vector<std::string> left_out_;  // of a copy, when it is finished
};

// All snapshots of a chain as one read-only view, as long as it lives.
class MountedChain {
 public:
  MountedChain(sys::Fd mount, std::shared_ptr<const ChainView> view)
      : view_(std::move(view)), mount_(std::move(mount)) {}
  [[nodiscard]] int get() const noexcept { return mount_.get(); }
  // For those who attach it; the view must live as long.
  [[nodiscard]] sys::Fd take() noexcept { return std::move(mount_); }

 private:
  std::shared_ptr<const ChainView> view_;
  sys::Fd mount_;
};
MountedChain mount_chain(store::Store& store, const std::vector<std::string>& snapshots);

}  // namespace gbox::build
