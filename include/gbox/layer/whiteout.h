// The two spellings of "this name is gone": overlayfs' (a character device 0:0, the xattr
// user.overlay.opaque) and the OCI image spec's (".wh.NAME", ".wh..wh..opq"). Checks only, but
// for make_whiteout(); pack.h and unpack.h convert between them.
// Sources: kernel Documentation/filesystems/overlayfs.rst; image-spec layer.md, "Whiteouts".
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

namespace gbox::layer {

inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";

// With 'userxattr', the only form an unprivileged mount may use, everything overlayfs keeps for
// itself has this prefix; what a user stores under it is kept as kEscapedXattrPrefix + rest.
inline constexpr std::string_view kOverlayXattrPrefix = "user.overlay.";
inline constexpr std::string_view kEscapedXattrPrefix = "user.overlay.overlay.";
inline constexpr std::string_view kOpaqueXattr = "user.overlay.opaque";

// Whether `status` (of lstat) is overlayfs' whiteout, or what stands in for it where none can be
// made: a file system that is an overlay itself refuses the kernel's character device 0:0, and has
// no snapshot mounted as a layer, so that only gbox needs to know the other form. It is a socket
// without any permission; layers hold no sockets otherwise.
bool is_overlay_whiteout(const struct stat& status) noexcept;
// Puts one at `name`: the kernel's form where it can be made, else its stand-in.
void make_whiteout(int dirfd, const std::string& name);

// Whether the OCI spec reserves this name (one path component).
inline bool is_reserved_name(std::string_view name) noexcept {
  return name.starts_with(kWhiteoutPrefix);
}

enum class OverlayXattr {
  foreign,   // not overlayfs' business
  internal,  // overlayfs' own bookkeeping: never leaves the store
  escaped,   // a user's own attribute, stored with one more level of prefix
};
OverlayXattr classify_overlay_xattr(std::string_view name) noexcept;
// "user.overlay.overlay.x" → "user.overlay.x"; other names come back unchanged.
std::string unescape_overlay_xattr(std::string_view name);
// "user.overlay.x" → "user.overlay.overlay.x"; other names come back unchanged.
std::string escape_overlay_xattr(std::string_view name);

}  // namespace gbox::layer
