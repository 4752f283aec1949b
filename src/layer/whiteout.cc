#include "gbox/layer/whiteout.h"

#include <sys/sysmacros.h>

namespace gbox::layer {

bool is_overlay_whiteout(const struct stat& status) noexcept {
  return S_ISCHR(status.st_mode) && major(status.st_rdev) == 0 && minor(status.st_rdev) == 0;
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
