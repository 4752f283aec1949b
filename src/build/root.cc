#include "root.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/layer/foreign_marks.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/level.h"
#include "gbox/sys/mount.h"

namespace gbox::build {

namespace {

std::string below_store(const store::Store& store, const std::string& path) {
  const std::string prefix = store.path() + '/';
  if (!path.starts_with(prefix)) throw Error("internal error: a path outside the store");
  return path.substr(prefix.size());
}

// Topmost first, as the kernel wants them.
std::vector<std::string> lowerdirs(const store::Store& store,
                                   const std::vector<std::string>& snapshots) {
  std::vector<std::string> result;
  for (const std::string& id : snapshots)
    result.push_back(below_store(store, store.snapshot_path(id)));
  std::reverse(result.begin(), result.end());
  return result;
}

// A directory of a step's result, if there is one: a link that the step has put in its place, or
// above it, is the step's own and leads nowhere.
std::optional<sys::Fd> real_directory(int top, const std::string& path) {
  if (path.empty()) return sys::dup(top);
  try {
    return sys::try_open_beneath(top, path, O_RDONLY | O_DIRECTORY, sys::Resolve::no_symlinks);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

StepRoot::StepRoot(store::Store& store, const store::Work& work, std::vector<std::string> parents,
                   std::vector<std::string> targets)
    : store_(store), work_(work), parents_(std::move(parents)), targets_(std::move(targets)) {
  sys::ensure_directories(work.fd(), "scratch");
  for (const char* name : {"tmp", "var-tmp"}) {
    const std::string path = std::string("scratch/") + name;
    sys::ensure_directories(work.fd(), path);
    // Sticky and open to all, as /tmp is: Portage builds as another user.
    if (::fchmodat(work.fd(), path.c_str(), 01777, 0) != 0)
      throw SysError(errno, "chmod " + quoted(path));
  }
  if (sys::means().storage == sys::Storage::copy) return;
  sys::ensure_directories(work.fd(), "scratch/mount-points");
  const sys::Fd points = sys::openat(work.fd(), "scratch/mount-points", O_RDONLY | O_DIRECTORY);
  for (const std::string& target : targets_)
    (void)sys::ensure_directories_in_root(points.get(), target);
}

CopiedRoot& StepRoot::copy() const {
  if (!copy_) copy_ = std::make_unique<CopiedRoot>(store_, work_, parents_, targets_);
  return *copy_;
}

sys::Fd StepRoot::mount() const {
  if (sys::means().storage == sys::Storage::copy) return copy().mount();
  sys::Overlay overlay;
  overlay.base_fd = store_.fd();
  overlay.lowerdirs = lowerdirs(store_, parents_);
  overlay.lowerdirs.push_back(below_store(store_, work_.path() + "/scratch/mount-points"));
  overlay.upperdir = below_store(store_, work_.fs());
  overlay.workdir = below_store(store_, work_.work());
  if (sys::means().storage == sys::Storage::kernel) return sys::mount_overlay(overlay);
  settle_fuse();
  sys::ensure_directories(work_.fd(), "scratch/fuse");
  fuse_ =
      std::make_unique<sys::FuseOverlay>(overlay, store_.path(), work_.path() + "/scratch/fuse");
  return fuse_->take();
}

// Two of them on one upper directory would not know of each other; and what one has written is only
// there when it has ended.
void StepRoot::settle_fuse() const {
  if (!fuse_) return;
  fuse_->wait();
  fuse_.reset();
  std::shared_ptr<const ChainView> below;
  const auto is_below = [&](const std::string& path) {
    if (parents_.empty()) return false;
    if (!below) below = view_chain(store_, parents_);
    try {
      return sys::try_open_beneath(below->fd(), path, O_PATH | O_NOFOLLOW,
                                   sys::Resolve::no_symlinks)
          .has_value();
    } catch (const SysError& error) {
      if (error.error_number() != ELOOP) throw;
      return true;  // a link
    }
  };
  layer::translate_fuse_marks(sys::openat(work_.fs_fd(), ".", O_RDONLY | O_DIRECTORY).get(),
                              is_below, [] { sys::check_interrupt(); });
}

std::string StepRoot::scratch(const std::string& name) const {
  return work_.path() + "/scratch/" + name;
}

std::vector<DiskPlace> StepRoot::places() const {
  std::vector<DiskPlace> all = {{work_.fs()}, {work_.path() + "/scratch"}};
  if (copy_) all.push_back(copy_->place());
  return all;
}

void StepRoot::remove_stubs(const std::vector<std::string>& made) const {
  // Innermost first. In the upper directory itself: removing through the mount would leave a
  // whiteout. A step that put something there, or replaced it by a link, keeps what it made.
  settle_fuse();
  const int top = copy_ ? copy_->fd() : work_.fs_fd();
  for (auto path = made.rbegin(); path != made.rend(); ++path) {
    const auto [parent, name] = sys::split_last(*path);
    const auto directory = real_directory(top, parent);
    if (!directory) continue;
    if (::unlinkat(directory->get(), name.c_str(), AT_REMOVEDIR) == 0) continue;
    const auto status = sys::try_fstatat(directory->get(), name, AT_SYMLINK_NOFOLLOW);
    if (status && S_ISREG(status->st_mode) && status->st_size == 0)
      sys::unlinkat(directory->get(), name, 0);
  }
}

void StepRoot::remove_made(const std::string& path) {
  settle_fuse();
  // In a copy it would be gone with what was there before.
  if (copy_)
    left_out_.push_back(path);
  else
    remove_from_result(path);
}

void StepRoot::remove_from_result(const std::string& path) const {
  const auto [parent, name] = sys::split_last(path);
  const auto directory = real_directory(work_.fs_fd(), parent);
  if (directory && sys::try_fstatat(directory->get(), name, AT_SYMLINK_NOFOLLOW))
    sys::remove_tree(directory->get(), name);
}

void StepRoot::finish() {
  settle_fuse();
  if (!copy_) return;  // written by the kernel, or nothing was ever mounted
  copy_->write_changes(work_);
  for (const std::string& path : left_out_) remove_from_result(path);
  copy_.reset();  // for the next step
}

MountedChain mount_chain(store::Store& store, const std::vector<std::string>& snapshots) {
  if (sys::means().storage == sys::Storage::kernel)
    return {sys::mount_layers_read_only(store.fd(), lowerdirs(store, snapshots)), nullptr};
  std::shared_ptr<const ChainView> view = view_chain(store, snapshots);
  sys::Fd mount = sys::open_tree(view->fd(), "", sys::Recursive::no);
  sys::mount_setattr(mount.get(), MOUNT_ATTR_RDONLY, sys::Recursive::no);
  return {std::move(mount), std::move(view)};
}

}  // namespace gbox::build
