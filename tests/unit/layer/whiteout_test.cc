#include "gbox/layer/whiteout.h"

#include <doctest/doctest.h>
#include <sys/sysmacros.h>

using namespace gbox::layer;

TEST_CASE("only the character device 0:0 is overlayfs' whiteout") {
  struct stat status {};
  status.st_mode = S_IFCHR;
  CHECK(is_overlay_whiteout(status));
  status.st_rdev = makedev(1, 3);
  CHECK_FALSE(is_overlay_whiteout(status));
  status.st_rdev = makedev(0, 0);
  status.st_mode = S_IFBLK;
  CHECK_FALSE(is_overlay_whiteout(status));
  status.st_mode = S_IFREG;
  CHECK_FALSE(is_overlay_whiteout(status));
}

TEST_CASE("overlayfs' attributes are told from a user's, and go through storage unchanged") {
  CHECK(classify_overlay_xattr("user.overlay.opaque") == OverlayXattr::internal);
  CHECK(classify_overlay_xattr("user.overlay.uuid") == OverlayXattr::internal);
  CHECK(classify_overlay_xattr("user.overlay.overlay.opaque") == OverlayXattr::escaped);
  CHECK(classify_overlay_xattr("user.overlayx") == OverlayXattr::foreign);
  CHECK(classify_overlay_xattr("security.capability") == OverlayXattr::foreign);
  for (const char* name :
       {"user.overlay.opaque", "user.overlay.overlay.x", "user.a", "user.overlay"})
    CHECK(unescape_overlay_xattr(escape_overlay_xattr(name)) == name);
  CHECK(classify_overlay_xattr(escape_overlay_xattr("user.overlay.opaque")) ==
        OverlayXattr::escaped);
}
