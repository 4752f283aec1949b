#include "gbox/layer/whiteout.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::layer {

bool is_overlay_whiteout(const struct stat& status) noexcept {
  if (S_ISSOCK(status.st_mode)) return (status.st_mode & 07777u) == 0;
  return S_ISCHR(status.st_mode) && major(status.st_rdev) == 0 && minor(status.st_rdev) == 0;
}

void make_whiteout(int dirfd, const std::string& name) {
  if (::mknodat(dirfd, name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return;
  if (errno != EPERM && errno != EINVAL && errno != ENOTSUP)
    throw SysError(errno, "make whiteout " + quoted(name));
  if (::mknodat(dirfd, name.c_str(), S_IFSOCK, 0) != 0)
    throw SysError(errno, "make a stand-in for whiteout " + quoted(name));
}

OverlayXattr classify_overlay_xattr(std::string_view name) noexcept {
  if (name.starts_with(kEscapedXattrPrefix)) return OverlayXattr::escaped;
  if (name.starts_with(kOverlayXattrPrefix)) return OverlayXattr::internal;
  return OverlayXattr::foreign;
}

std::string unescape_overlay_xattr(std::string_view name) {
  if (!name.starts_with(kEscapedXattrPrefix)) return std::string(name);
  return std::string(kOverlayXattrPrefix) + std::string(name.substr(kEscapedXattrPrefix.size()));
}

std::string escape_overlay_xattr(std::string_view name) {
  if (!name.starts_with(kOverlayXattrPrefix)) return std::string(name);
  return std::string(kEscapedXattrPrefix) + std::string(name.substr(kOverlayXattrPrefix.size()));
}

}  // namespace gbox::layer
