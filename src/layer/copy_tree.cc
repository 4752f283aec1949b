// Trees made like others: by copying all of it, or what is not there yet.
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "copy_crew.h"
#include "copy_entry.h"
#include "descent.h"
#include "gbox/base/text.h"
#include "gbox/layer/replica.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "linked_copies.h"
#include "opaque.h"
#include "walk.h"

namespace gbox::layer {

namespace {

void remove_entry(int dirfd, const std::string& name, const struct stat& status) {
  if (S_ISDIR(status.st_mode))
    sys::remove_tree(dirfd, name);
  else
    sys::unlinkat(dirfd, name, 0);
}

// Goes down a layer, and behind it down the tree it is put over.
class Over {
 public:
  Over(int layer, int target, const std::function<void()>& check_interrupt)
      : top_(target), layer_(layer), target_(target), check_interrupt_(check_interrupt) {}

  void run() {
    neutralize_directory(target_.fd());
    walk_tree(
        layer_, check_interrupt_, [&](const std::string& name) { return add(name); },
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
    if (below && !merged) remove_entry(target_.fd(), name, *below);
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

// Goes down the source, and behind it down the target. What the target has of it already stays.
class TreeCopy {
 public:
  TreeCopy(int source, int target, const Replica& known,
           const std::function<void()>& check_interrupt)
      : source_(source),
        target_(target),
        known_(known),
        crew_(OverlayNames::unescape),
        check_interrupt_(check_interrupt) {}

  // By path, what each entry but directories was copied from.
  std::unordered_map<std::string, Replica::Source> run() {
    neutralize_directory(target_.fd());
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
    return std::move(sources_);
  }

 private:
  std::vector<std::string> list() {
    if (check_interrupt_) check_interrupt_();
    std::vector<std::string> names = sys::list_directory(source_.fd(), ".");
    for (const std::string& name : sys::list_directory(target_.fd(), "."))
      if (!std::binary_search(names.begin(), names.end(), name))
        remove_entry(target_.fd(), name, sys::fstatat(target_.fd(), name, AT_SYMLINK_NOFOLLOW));
    return names;
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
    const auto there = sys::try_fstatat(target_.fd(), name, AT_SYMLINK_NOFOLLOW);
    if (S_ISDIR(status.st_mode)) {
      if (there && !S_ISDIR(there->st_mode)) sys::unlinkat(target_.fd(), name, 0);
      if (!there || !S_ISDIR(there->st_mode)) sys::mkdirat(target_.fd(), name, 0700);
      source_.enter(name, sys::openat(source_.fd(), name, kDirectoryFlags));
      target_.enter(name, sys::openat(target_.fd(), name, kDirectoryFlags));
      neutralize_directory(target_.fd());
      place_.reset();
      note_directory();
      return true;
    }
    const std::string path = source_.path_of(name);
    const Replica::Source source = source_of(name, status.st_ino);
    sources_[path] = source;
    if (there) {
      if (is_copy(path, *there, source)) return false;
      remove_entry(target_.fd(), name, *there);
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

  // Where the file system does not tell when an inode was made, nothing is taken for known.
  [[nodiscard]] Replica::Source source_of(const std::string& name, ino_t number) const {
    const std::int64_t born_ns = Replica::birth_of(source_.fd(), name);
    if (born_ns == 0) return {};
    return {number, born_ns};
  }

  // Whether it was copied from this very inode, which never changes, and nothing was done to it.
  [[nodiscard]] bool is_copy(const std::string& path, const struct stat& there,
                             const Replica::Source& source) const {
    const auto known = known_.inodes_.find(path);
    const auto from = known_.sources_.find(path);
    if (known == known_.inodes_.end() || from == known_.sources_.end() || source.number == 0)
      return false;
    const Replica::Inode now = Replica::inode_of(there);
    return from->second.number == source.number && from->second.born_ns == source.born_ns &&
           known->second.number == now.number && known->second.changed_ns == now.changed_ns &&
           !now.directory;
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
  const Replica& known_;
  std::unordered_map<std::string, Replica::Source> sources_;
  std::unordered_map<ino_t, Metadata> directories_;
  std::shared_ptr<const CopyPlace> place_;  // of the innermost directory
  CopyCrew crew_;
  const std::function<void()>& check_interrupt_;
};

Replica Replica::copy(int source, int target, const std::function<void()>& check_interrupt) {
  return with_context("copy a root", [&] {
    if (!sys::list_directory(target, "the target").empty()) throw Error("the target is not empty");
    Replica replica;
    replica.refresh(source, target, check_interrupt);
    return replica;
  });
}

void Replica::refresh(int source, int target, const std::function<void()>& check_interrupt) {
  auto sources = TreeCopy(source, target, *this, check_interrupt).run();
  *this = remember(target, check_interrupt);
  sources_ = std::move(sources);
}

void lay_over(int layer, int target, const std::function<void()>& check_interrupt) {
  with_context("put a layer over a root", [&] { Over(layer, target, check_interrupt).run(); });
}

}  // namespace gbox::layer
