#include "descent.h"

#include "gbox/base/text.h"

namespace gbox::layer {

std::string Descent::path_of(const std::string& name) const {
  std::string path;
  for (const Level& level : levels_)
    if (!level.name.empty()) path += level.name + '/';
  return path + name;
}

void Descent::enter(std::string name, sys::Fd directory) {
  levels_.push_back({std::move(name), std::move(directory), {}});
  if (levels_.size() <= kOpenLevels + 1) return;
  // The root stays open: the way back always ends there.
  Level& far = levels_[levels_.size() - 1 - kOpenLevels];
  far.status = sys::fstat(far.fd.get());
  far.fd.reset();
}

void Descent::leave() {
  const Level inner = std::move(levels_.back());
  levels_.pop_back();
  Level& outer = levels_.back();
  if (outer.fd) return;
  outer.fd = sys::openat(inner.fd.get(), "..", kFlags);
  const struct stat found = sys::fstat(outer.fd.get());
  if (found.st_ino != outer.status.st_ino || found.st_dev != outer.status.st_dev)
    throw Error("directory " + quoted(path_of(inner.name)) + " was moved while the tree was read");
}

}  // namespace gbox::layer
