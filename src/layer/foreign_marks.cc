#include "gbox/layer/foreign_marks.h"

#include <sys/xattr.h>

#include <cerrno>
#include <string>
#include <vector>

#include "descent.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/file.h"
#include "opaque.h"
#include "walk.h"
#include "xattr.h"

namespace gbox::layer {

namespace {

constexpr std::string_view kFusePrefix = "user.fuseoverlayfs.";
constexpr std::string_view kFuseOpaque = "user.fuseoverlayfs.opaque";
constexpr std::string_view kOldMarker = ".wh..opq";

bool is_marker(std::string_view name) {
  return name == kOpaqueMarker || name == kOldMarker;
}

class Translation {
 public:
  Translation(int upper, const std::function<bool(const std::string&)>& is_below,
              const std::function<void()>& check_interrupt)
      : tree_(upper), is_below_(is_below), check_interrupt_(check_interrupt) {}

  void run() {
    fresh_.push_back(false);
    walk([&] { return list(); }, [&](const std::string& name) { return visit(name); },
         [&] {
           leave();
           tree_.leave();
         });
  }

 private:
  std::vector<std::string> list() {
    if (check_interrupt_) check_interrupt_();
    std::vector<std::string> names;
    const struct stat before = sys::fstat(tree_.fd());
    bool changed = false;
    for (const std::string& name : sys::list_directory(tree_.fd(), ".")) {
      if (!name.starts_with(kWhiteoutPrefix)) {
        names.push_back(name);
        continue;
      }
      sys::unlinkat(tree_.fd(), name, 0);
      changed = true;
      if (!is_marker(name)) make_whiteout(tree_.fd(), name.substr(kWhiteoutPrefix.size()));
    }
    if (!changed) return names;
    const timespec times[2] = {before.st_atim, before.st_mtim};
    if (::futimens(tree_.fd(), times) != 0) throw SysError(errno, "set its time");
    return names;
  }

  bool visit(const std::string& name) {
    const struct stat status = sys::fstatat(tree_.fd(), name, AT_SYMLINK_NOFOLLOW);
    if (S_ISDIR(status.st_mode)) {
      const std::string path = tree_.path_of(name);
      tree_.enter(name, sys::openat(tree_.fd(), name, kDirectoryFlags));
      const bool marked = is_marked();
      if (marked && !fresh_.back() && is_below_(path))
        set_opaque(tree_.fd());
      else if (is_opaque(tree_.fd()) && ::fremovexattr(tree_.fd(), opaque_name()) != 0)
        throw SysError(errno, "take away its opaque mark");
      fresh_.push_back(fresh_.back() || marked);
      return true;
    }
    drop_marks(name);
    return false;
  }

  [[nodiscard]] bool is_marked() {
    bool marked = is_opaque(tree_.fd());
    for (const auto& [key, value] : read_xattrs(tree_.fd(), ""))
      if (key == kFuseOpaque && value == "y") marked = true;
    for (const std::string_view marker : {kOpaqueMarker, kOldMarker})
      if (sys::try_fstatat(tree_.fd(), std::string(marker), AT_SYMLINK_NOFOLLOW)) marked = true;
    drop_marks("");
    return marked;
  }

  void drop_marks(const std::string& name) {
    const std::string path =
        "/proc/self/fd/" + std::to_string(tree_.fd()) + '/' + (name.empty() ? "." : name);
    for (const auto& [key, value] : read_xattrs(tree_.fd(), name))
      if (key.starts_with(kFusePrefix) && ::lremovexattr(path.c_str(), key.c_str()) != 0)
        throw SysError(
            errno, "take away the attribute " + quoted(key) + " of " + quoted(tree_.path_of(name)));
  }

  void leave() { fresh_.pop_back(); }

  Descent tree_;
  std::vector<bool> fresh_;  // whether nothing of the layers below is left in it
  const std::function<bool(const std::string&)>& is_below_;
  const std::function<void()>& check_interrupt_;
};

}  // namespace

void translate_fuse_marks(int upper, const std::function<bool(const std::string&)>& is_below,
                          const std::function<void()>& check_interrupt) {
  with_context("read what 'fuse-overlayfs' has written",
               [&] { Translation(upper, is_below, check_interrupt).run(); });
}

}  // namespace gbox::layer
