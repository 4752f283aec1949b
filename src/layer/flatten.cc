// In two passes. The first adds the layers from the topmost down: what a name is was decided by the
// first layer that had it, and whiteouts and opaque marks in the target itself say what the layers
// still to come cannot add. The second goes over the target once: it takes away marks that hide
// nothing, and gives every directory its metadata after the last change in it.
#include "gbox/layer/flatten.h"

#include <sys/xattr.h>

#include <cerrno>
#include <optional>
#include <unordered_map>

#include "copy_entry.h"
#include "descent.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/fd.h"
#include "inode_linker.h"
#include "metadata.h"
#include "opaque.h"
#include "walk.h"

namespace gbox::layer {

namespace {

// Directories by their inode number in the target. Kept aside until nothing changes in them: a
// mode, group or ACL in force earlier would be inherited by what is made inside.
using Directories = std::unordered_map<ino_t, Metadata>;

class Merge {
 public:
  Merge(int layer, int target, InodeLinker& linker, Directories& directories,
        FlattenSummary& summary)
      : layer_(layer),
        target_(target),
        linker_(linker),
        directories_(directories),
        summary_(summary) {}

  void run(const std::function<void()>& check_interrupt) {
    walk_tree(
        layer_, check_interrupt, [&](const std::string& name) { return add(name); },
        [&] {
          layer_.leave();
          target_.leave();
        });
  }

 private:
  bool add(const std::string& name) {
    const struct stat status = sys::fstatat(layer_.fd(), name, AT_SYMLINK_NOFOLLOW);
    if (S_ISDIR(status.st_mode)) return add_directory(name);
    switch (linker_.put(layer_.fd(), name, status, target_.fd(),
                        [&] { return target_.path_of(name); })) {
      case InodeLinker::Outcome::linked:
        ++summary_.linked;
        break;
      case InodeLinker::Outcome::copied:
        ++summary_.copied;
        break;
      case InodeLinker::Outcome::exists:
        // A directory above a file or a whiteout: what lies deeper is not merged into it.
        if (const auto above = sys::try_openat(target_.fd(), name, kDirectoryFlags))
          set_opaque(above->get());
        break;
    }
    return false;
  }

  bool add_directory(const std::string& name) {
    const bool is_new = ::mkdirat(target_.fd(), name.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) throw SysError(errno, "make the directory");
    std::optional<sys::Fd> to = sys::try_openat(target_.fd(), name, kDirectoryFlags);
    if (!to || (!is_new && is_opaque(to->get()))) return false;  // hidden by a layer above
    sys::Fd from = sys::openat(layer_.fd(), name, kDirectoryFlags);
    if (is_new)
      directories_[sys::fstat(to->get()).st_ino] =
          directory_metadata(from.get(), OverlayNames::keep);
    if (is_opaque(from.get())) set_opaque(to->get());
    layer_.enter(name, std::move(from));
    target_.enter(name, std::move(*to));
    return true;
  }

  Descent layer_;
  Descent target_;
  InodeLinker& linker_;
  Directories& directories_;
  FlattenSummary& summary_;
};

// What lies below the directories on the way down, opened only when a mark asks: most subtrees
// have none, and looking up a name in a deep overlay costs more than linking a file.
class Below {
 public:
  explicit Below(int root) {
    Level top{{}, State::none, {}};
    if (root >= 0) top = {{}, State::open, sys::openat(root, ".", kFlags)};
    levels_.push_back(std::move(top));
  }
  enum class Merged { no, yes };
  void enter(std::string name, Merged merged) {
    levels_.push_back({std::move(name), merged == Merged::yes ? State::unknown : State::none, {}});
  }
  void leave() { levels_.pop_back(); }

  // What the innermost directory's counterpart has under `name`.
  std::optional<struct stat> find(const std::string& name) {
    const int fd = innermost();
    if (fd < 0) return std::nullopt;
    return sys::try_fstatat(fd, name, AT_SYMLINK_NOFOLLOW);
  }

 private:
  static constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
  enum class State { unknown, none, open };
  struct Level {
    std::string name;
    State state;
    sys::Fd fd;
  };

  int innermost() {
    std::size_t known = levels_.size() - 1;
    while (levels_[known].state == State::unknown) --known;
    for (std::size_t i = known + 1; i < levels_.size(); ++i) {
      Level& level = levels_[i];
      std::optional<sys::Fd> found;
      if (levels_[i - 1].state == State::open)
        found = sys::try_openat(levels_[i - 1].fd.get(), level.name, kFlags);
      level.state = found ? State::open : State::none;
      if (found) level.fd = std::move(*found);
      if (i > kOpenLevels) forget(levels_[i - kOpenLevels]);
    }
    return levels_.back().state == State::open ? levels_.back().fd.get() : -1;
  }

  // It is looked up again when it is needed, from the root, which stays open.
  static void forget(Level& level) {
    if (level.state != State::open) return;
    level.state = State::unknown;
    level.fd.reset();
  }

  std::vector<Level> levels_;
};

class Settle {
 public:
  Settle(int target, int below, Directories& directories, FlattenSummary& summary)
      : target_(target), below_(below), directories_(directories), summary_(summary) {}

  void run(const std::function<void()>& check_interrupt) {
    walk_tree(
        target_, check_interrupt, [&](const std::string& name) { return visit(name); },
        [&] {
          finish();
          target_.leave();
          below_.leave();
        });
    finish();
  }

 private:
  bool visit(const std::string& name) {
    const struct stat status = sys::fstatat(target_.fd(), name, AT_SYMLINK_NOFOLLOW);
    if (is_overlay_whiteout(status)) {
      if (!below_.find(name)) {
        sys::unlinkat(target_.fd(), name, 0);
        return false;
      }
      ++summary_.whiteouts;
    }
    ++summary_.entries;
    if (!S_ISDIR(status.st_mode)) return false;
    ++summary_.directories;
    sys::Fd directory = sys::openat(target_.fd(), name, kDirectoryFlags);
    const bool opaque = is_opaque(directory.get());
    if (opaque) settle_mark(name, directory.get());
    target_.enter(name, std::move(directory));
    below_.enter(name, opaque ? Below::Merged::no : Below::Merged::yes);
    return true;
  }

  // Only a directory would be merged: whatever else is there, a directory hides by itself.
  void settle_mark(const std::string& name, int directory) {
    const auto hidden = below_.find(name);
    if (hidden && S_ISDIR(hidden->st_mode))
      ++summary_.opaque;
    else if (::fremovexattr(directory, opaque_name()) != 0)
      throw SysError(errno, "take away its opaque mark");
  }

  void finish() {
    const auto found = directories_.find(sys::fstat(target_.fd()).st_ino);
    if (found == directories_.end()) throw Error("a directory appeared that no layer has");
    apply_directory_metadata(target_.fd(), found->second);
  }

  Descent target_;
  Below below_;
  Directories& directories_;
  FlattenSummary& summary_;
};

}  // namespace

FlattenSummary flatten(std::span<const int> layers, int target, int below,
                       const std::function<void()>& check_interrupt) {
  return with_context("merge " + std::to_string(layers.size()) + " layers", [&] {
    if (layers.empty()) throw Error("there is none");
    if (!sys::list_directory(target, "the target").empty()) throw Error("the target is not empty");
    neutralize_directory(target);
    FlattenSummary summary;
    Directories directories;
    directories[sys::fstat(target).st_ino] = directory_metadata(layers.back(), OverlayNames::keep);
    InodeLinker linker(target);
    for (std::size_t i = layers.size(); i > 0; --i)
      Merge(layers[i - 1], target, linker, directories, summary).run(check_interrupt);
    Settle(target, below, directories, summary).run(check_interrupt);
    return summary;
  });
}

}  // namespace gbox::layer
