// A squashfs image becomes a directory tree without being mounted, which an ordinary user may not:
// sqfs2tar of squashfs-tools-ng turns it into a tar stream, which goes the way of every archive of
// unknown origin (unpack.h). The helper runs with an empty environment, and sees the image as its
// standard input. Called by build for snapshots of the ebuild repository.
#pragma once

#include <string_view>

#include "gbox/layer/unpack.h"

namespace gbox::layer {

// Whether the file begins as a squashfs image does. Reads without moving the offset.
bool is_squashfs(int fd);

// As unpack_archive, for the squashfs image `image_fd` (borrowed; a file, read as a whole).
// In the result, and for the limit of compression, `archive_bytes` is the image's size; `digests`
// are of the image, computed in a pass of their own before. `options.progress` counts the bytes of
// the tar stream, whose size nobody knows before its end. Throws Error: as unpack_archive; with
// ExitCode::host when sqfs2tar is not installed.
UnpackSummary unpack_squashfs(int image_fd, std::string_view name, int target_dirfd,
                              const UnpackOptions& options);

}  // namespace gbox::layer
