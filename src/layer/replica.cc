#include "gbox/layer/replica.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "copy_crew.h"
#include "copy_entry.h"
#include "descent.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "opaque.h"
#include "walk.h"

namespace gbox::layer {

namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

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

// Copies of files of one tree in another: those that were links of each other there stay so.
class LinkedCopies {
 public:
  // `path` is where the copy lies below `top`.
  void put(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
           int top, const std::string& path, OverlayNames names) {
    std::string& first = first_[status.st_ino];
    if (status.st_nlink > 1 && !first.empty()) {
      const sys::Fd inode =
          sys::open_beneath(top, first, O_PATH | O_NOFOLLOW, sys::Resolve::no_symlinks);
      // By way of /proc: AT_EMPTY_PATH asks for a capability over the whole machine.
      const std::string link = "/proc/self/fd/" + std::to_string(inode.get());
      if (::linkat(AT_FDCWD, link.c_str(), to_dirfd, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
        throw SysError(errno, "link " + quoted(first));
      return;
    }
    copy_regular(from_dirfd, name, status, to_dirfd, names);
    first = path;
  }

 private:
  std::unordered_map<ino_t, std::string> first_;
};

class Copy {
 public:
  Copy(int source, int target, const std::function<void()>& check_interrupt)
      : source_(source),
        target_(target),
        crew_(OverlayNames::unescape),
        check_interrupt_(check_interrupt) {}

  void run() {
    note_directory();
    walk([&] { return list(); }, [&](const std::string& name) { return visit(name); },
         [&] {
           source_.leave();
           target_.leave();
           place_.reset();
         });
    crew_.finish();
    // Only now: whatever is made in a directory changes its time, and what it would have given to
    // what is made in it (a group, an ACL) must not be in force before.
    finish_directories();
  }

 private:
  std::vector<std::string> list() {
    if (check_interrupt_) check_interrupt_();
    return sys::list_directory(source_.fd(), ".");
  }

  bool visit(const std::string& name) {
    try {
      return add(name);
    } catch (Error& error) {
      error.add_context(quoted(source_.path_of(name)));
      throw;
    }
  }

  bool add(const std::string& name) {
    const struct stat status = sys::fstatat(source_.fd(), name, AT_SYMLINK_NOFOLLOW);
    if (S_ISDIR(status.st_mode)) {
      sys::Fd from = sys::openat(source_.fd(), name, kDirectoryFlags);
      sys::mkdirat(target_.fd(), name, 0700);
      sys::Fd to = sys::openat(target_.fd(), name, kDirectoryFlags);
      source_.enter(name, std::move(from));
      target_.enter(name, std::move(to));
      place_.reset();
      note_directory();
      return true;
    }
    if (S_ISREG(status.st_mode)) {
      if (!place_)
        place_ =
            std::make_shared<CopyPlace>(CopyPlace{sys::dup(source_.fd()), sys::dup(target_.fd())});
      crew_.add(place_, name, status);
    } else {
      copy_special(source_.fd(), name, status, target_.fd(), OverlayNames::unescape);
    }
    return false;
  }

  void note_directory() {
    directories_[sys::fstat(target_.fd()).st_ino] =
        directory_metadata(source_.fd(), OverlayNames::unescape);
  }

  void finish_directories() {
    const auto finish = [&] {
      apply_directory_metadata(target_.fd(), directories_.at(sys::fstat(target_.fd()).st_ino));
    };
    walk([&] { return sys::list_directory(target_.fd(), "."); },
         [&](const std::string& name) {
           const struct stat status = sys::fstatat(target_.fd(), name, AT_SYMLINK_NOFOLLOW);
           if (!S_ISDIR(status.st_mode)) return false;
           target_.enter(name, sys::openat(target_.fd(), name, kDirectoryFlags));
           return true;
         },
         [&] {
           finish();
           target_.leave();
         });
    finish();
  }

  Descent source_;
  Descent target_;
  std::unordered_map<ino_t, Metadata> directories_;
  std::shared_ptr<const CopyPlace> place_;  // of the innermost directory
  CopyCrew crew_;
  const std::function<void()>& check_interrupt_;
};

// Goes down a layer, and behind it down the tree it is put over.
class Over {
 public:
  Over(int layer, int target, const std::function<void()>& check_interrupt)
      : top_(target), layer_(layer), target_(target), check_interrupt_(check_interrupt) {}

  void run() {
    neutralize_directory(target_.fd());
    walk(
        [&] {
          if (check_interrupt_) check_interrupt_();
          return sys::list_directory(layer_.fd(), ".");
        },
        [&](const std::string& name) {
          try {
            return add(name);
          } catch (Error& error) {
            error.add_context(quoted(layer_.path_of(name)));
            throw;
          }
        },
        [&] {
          finish();
          layer_.leave();
          target_.leave();
        });
    finish();
  }

 private:
  void finish() {
    apply_directory_metadata(target_.fd(), directory_metadata(layer_.fd(), OverlayNames::unescape));
  }

  bool add(const std::string& name) {
    const struct stat status = sys::fstatat(layer_.fd(), name, AT_SYMLINK_NOFOLLOW);
    const auto below = sys::try_fstatat(target_.fd(), name, AT_SYMLINK_NOFOLLOW);
    sys::Fd from;
    if (S_ISDIR(status.st_mode)) from = sys::openat(layer_.fd(), name, kDirectoryFlags);
    const bool merged = below && S_ISDIR(below->st_mode) && from && !is_opaque(from.get());
    if (below && !merged) {
      if (S_ISDIR(below->st_mode))
        sys::remove_tree(target_.fd(), name);
      else
        sys::unlinkat(target_.fd(), name, 0);
    }
    if (is_overlay_whiteout(status)) return false;
    if (from) {
      if (!merged) sys::mkdirat(target_.fd(), name, 0700);
      target_.enter(name, sys::openat(target_.fd(), name, kDirectoryFlags));
      layer_.enter(name, std::move(from));
      neutralize_directory(target_.fd());  // the layer's directory has all that it shall have
      return true;
    }
    if (S_ISREG(status.st_mode))
      links_.put(layer_.fd(), name, status, target_.fd(), top_, target_.path_of(name),
                 OverlayNames::unescape);
    else
      copy_special(layer_.fd(), name, status, target_.fd(), OverlayNames::unescape);
    return false;
  }

  int top_;
  Descent layer_;
  Descent target_;
  LinkedCopies links_;
  const std::function<void()>& check_interrupt_;
};

}  // namespace

void copy_tree(int source, int target, const std::function<void()>& check_interrupt) {
  with_context("copy a root", [&] {
    if (!sys::list_directory(target, "the target").empty()) throw Error("the target is not empty");
    neutralize_directory(target);
    Copy(source, target, check_interrupt).run();
  });
}

void lay_over(int layer, int target, const std::function<void()>& check_interrupt) {
  with_context("put a layer over a root", [&] { Over(layer, target, check_interrupt).run(); });
}

Replica::Inode Replica::inode_of(const struct stat& status) {
  return {status.st_ino, nanoseconds(status.st_ctim), status.st_mtim, S_ISDIR(status.st_mode)};
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
        const Inode inode = inode_of(status);
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
  const auto status = [&](const std::string& place) {
    const auto [parent, name] = sys::split_last(place);
    if (place.empty()) return sys::fstat(target);
    const sys::Fd directory =
        parent.empty()
            ? sys::dup(target)
            : sys::open_beneath(target, parent, O_PATH | O_DIRECTORY, sys::Resolve::no_symlinks);
    return sys::fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW);
  };
  std::int64_t latest = 0;
  for (std::string made = path; made.size() > known.size(); made = sys::split_last(made).first) {
    made_.insert(made);
    const Inode inode = inode_of(status(made));
    inodes_[made] = inode;
    latest = std::max(latest, inode.changed_ns);
  }
  const timespec times[2] = {{0, UTIME_OMIT}, inodes_[known].modified};
  const sys::Fd directory = known.empty() ? sys::dup(target)
                                          : sys::open_beneath(target, known, O_RDONLY | O_DIRECTORY,
                                                              sys::Resolve::no_symlinks);
  if (::futimens(directory.get(), times) != 0)
    throw SysError(errno, "set the time of " + quoted(known));
  inodes_[known] = inode_of(sys::fstat(directory.get()));
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
      finish(levels_.back());
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
          there && known->second.number == now.number && known->second.directory == now.directory;
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
    if (made) finish(levels_.back());
    levels_.pop_back();
    tree_.leave();
    if (made) to_.leave();
  }

  void finish(const Level& level) {
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
