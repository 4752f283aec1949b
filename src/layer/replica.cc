#include "gbox/layer/replica.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "copy_entry.h"
#include "descent.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "linked_copies.h"
#include "opaque.h"
#include "walk.h"

namespace gbox::layer {

namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The kernel stamps changes with a clock that moves only every few milliseconds: what is changed in
// the same tick as it was remembered would look unchanged.
void wait_until_after(std::int64_t time_ns) {
  for (;;) {
    timespec now{};
    if (::clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0 || nanoseconds(now) > time_ns) return;
    // The clock was set back, or another machine's stamps the files: no wait would help.
    if (time_ns - nanoseconds(now) > 1'000'000'000) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

Replica::Inode Replica::inode_of(const struct stat& status) {
  return {status.st_ino, nanoseconds(status.st_ctim), status.st_mtim, S_ISDIR(status.st_mode), 0};
}

std::int64_t Replica::birth_of(int dirfd, const std::string& name) {
  struct statx status {};
  if (::statx(dirfd, name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BTIME, &status) != 0 ||
      (status.stx_mask & STATX_BTIME) == 0)
    return 0;
  return std::int64_t{status.stx_btime.tv_sec} * 1'000'000'000 + status.stx_btime.tv_nsec;
}

Replica Replica::remember(int target, const std::function<void()>& check_interrupt) {
  Replica replica;
  Descent tree(target);
  replica.inodes_[""] = inode_of(sys::fstat(target));
  std::int64_t latest = replica.inodes_[""].changed_ns;
  walk(
      [&] {
        if (check_interrupt) check_interrupt();
        return sys::list_directory(tree.fd(), ".");
      },
      [&](const std::string& name) {
        const struct stat status = sys::fstatat(tree.fd(), name, AT_SYMLINK_NOFOLLOW);
        Inode inode = inode_of(status);
        if (inode.directory) inode.born_ns = birth_of(tree.fd(), name);
        latest = std::max(latest, inode.changed_ns);
        replica.inodes_[tree.path_of(name)] = inode;
        if (!inode.directory) return false;
        tree.enter(name, sys::openat(tree.fd(), name, kDirectoryFlags));
        return true;
      },
      [&] { tree.leave(); });
  wait_until_after(latest);
  return replica;
}

void Replica::allow(int target, const std::string& path) {
  std::string known = path;
  while (!known.empty() && !inodes_.contains(known)) known = sys::split_last(known).first;
  if (known.size() == path.size()) return;
  const auto look = [&](const std::string& place) {
    const auto [parent, name] = sys::split_last(place);
    const sys::Fd directory =
        parent.empty()
            ? sys::dup(target)
            : sys::open_beneath(target, parent, O_PATH | O_DIRECTORY, sys::Resolve::no_symlinks);
    Inode inode = inode_of(sys::fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW));
    if (inode.directory) inode.born_ns = birth_of(directory.get(), name);
    return inode;
  };
  std::int64_t latest = 0;
  for (std::string made = path; made.size() > known.size(); made = sys::split_last(made).first) {
    made_.insert(made);
    const Inode inode = look(made);
    inodes_[made] = inode;
    latest = std::max(latest, inode.changed_ns);
  }
  const timespec times[2] = {{0, UTIME_OMIT}, inodes_[known].modified};
  const sys::Fd directory = known.empty() ? sys::dup(target)
                                          : sys::open_beneath(target, known, O_RDONLY | O_DIRECTORY,
                                                              sys::Resolve::no_symlinks);
  if (::futimens(directory.get(), times) != 0)
    throw SysError(errno, "set the time of " + quoted(known));
  const std::int64_t born_ns = inodes_[known].born_ns;
  inodes_[known] = inode_of(sys::fstat(directory.get()));
  inodes_[known].born_ns = born_ns;
  wait_until_after(std::max(latest, inodes_[known].changed_ns));
}

// Goes down the changed tree, and behind it down the upper one, whose directories are made when
// something lands in them.
class Difference {
 public:
  Difference(const Replica& before, int target, int upper,
             const std::function<void()>& check_interrupt)
      : before_(before),
        upper_(upper),
        tree_(target),
        to_(upper),
        check_interrupt_(check_interrupt) {
    for (const auto& [path, inode] : before.inodes_) {
      if (path.empty()) continue;
      const auto [parent, name] = sys::split_last(path);
      children_[parent].push_back(name);
    }
  }

  void run() {
    levels_.push_back({"", "", State::same, changed(""), true});
    const Metadata root = directory_metadata(upper_, OverlayNames::keep);
    neutralize_directory(upper_);
    walk([&] { return list(); }, [&](const std::string& name) { return visit(name); },
         [&] { leave(); });
    if (levels_.back().changed)
      finish_directory();
    else
      apply_directory_metadata(upper_, root);
  }

 private:
  enum class State {
    same,   // the directory that was there before
    fresh,  // one in its place, or a new one
  };
  struct Level {
    std::string name;
    std::string path;
    State state;
    bool changed;       // itself: what it holds, or its metadata
    bool made = false;  // in the upper tree
  };

  std::vector<std::string> list() {
    if (check_interrupt_) check_interrupt_();
    Level& here = levels_.back();
    std::vector<std::string> names = sys::list_directory(tree_.fd(), ".");
    if (here.state == State::fresh) return names;
    if (const auto known = children_.find(here.path); known != children_.end())
      for (const std::string& name : known->second)
        if (!std::binary_search(names.begin(), names.end(), name) &&
            !before_.made_.contains(path_of(name)))
          make_whiteout(upper_here(), name);
    return names;
  }

  bool visit(const std::string& name) {
    const std::string path = path_of(name);
    try {
      const struct stat status = sys::fstatat(tree_.fd(), name, AT_SYMLINK_NOFOLLOW);
      const auto known =
          levels_.back().state == State::fresh ? before_.inodes_.end() : before_.inodes_.find(path);
      const bool there = known != before_.inodes_.end();
      const Replica::Inode now = Replica::inode_of(status);
      const bool same =
          there && known->second.number == now.number && known->second.directory == now.directory &&
          (!now.directory || known->second.born_ns == Replica::birth_of(tree_.fd(), name));
      if (now.directory) {
        enter(name, path, same ? State::same : State::fresh, same && changed(path, status));
        // As overlayfs marks a directory in the place of what is below.
        if (there && !same) set_opaque(upper_here());
        return true;
      }
      if (same && known->second.changed_ns == now.changed_ns) return false;
      // What the step made to look like a whiteout hides what was there, and is nothing itself.
      if (!is_overlay_whiteout(status))
        put(name, path, status);
      else if (there)
        make_whiteout(upper_here(), name);
      return false;
    } catch (Error& error) {
      error.add_context(quoted(path));
      throw;
    }
  }

  void enter(const std::string& name, const std::string& path, State state, bool changed) {
    tree_.enter(name, sys::openat(tree_.fd(), name, kDirectoryFlags));
    levels_.push_back({name, path, state, changed});
    if (state == State::fresh) (void)upper_here();
  }

  [[nodiscard]] bool changed(const std::string& path, const struct stat& status) const {
    return before_.inodes_.at(path).changed_ns != Replica::inode_of(status).changed_ns;
  }
  [[nodiscard]] bool changed(const std::string& path) const {
    return changed(path, sys::fstat(tree_.fd()));
  }

  void leave() {
    if (levels_.back().changed) (void)upper_here();
    const bool made = levels_.back().made;
    if (made) finish_directory();
    levels_.pop_back();
    tree_.leave();
    if (made) to_.leave();
  }

  void finish_directory() {
    apply_directory_metadata(to_.fd(), directory_metadata(tree_.fd(), OverlayNames::escape));
  }

  // The upper directory of the innermost level, made with all above it when it is not there yet.
  int upper_here() {
    for (Level& level : levels_) {
      if (level.made) continue;
      sys::mkdirat(to_.fd(), level.name, 0700);
      to_.enter(level.name, sys::openat(to_.fd(), level.name, kDirectoryFlags));
      level.made = true;
    }
    return to_.fd();
  }

  void put(const std::string& name, const std::string& path, const struct stat& status) {
    const int to = upper_here();
    if (!S_ISREG(status.st_mode)) {
      copy_special(tree_.fd(), name, status, to, OverlayNames::escape);
      return;
    }
    links_.put(tree_.fd(), name, status, to, upper_, path, OverlayNames::escape);
  }

  [[nodiscard]] std::string path_of(const std::string& name) const {
    const std::string& here = levels_.back().path;
    return here.empty() ? name : here + '/' + name;
  }

  const Replica& before_;
  int upper_;
  Descent tree_;
  Descent to_;
  const std::function<void()>& check_interrupt_;
  std::unordered_map<std::string, std::vector<std::string>> children_;
  std::vector<Level> levels_;
  LinkedCopies links_;
};

void Replica::difference(int target, int upper,
                         const std::function<void()>& check_interrupt) const {
  with_context("find what a step has changed",
               [&] { Difference(*this, target, upper, check_interrupt).run(); });
}

}  // namespace gbox::layer
