// One entry of a tree made again in another, with all that an image holds of it. Used by
// inode_linker.cc and replica.cc.
#pragma once

#include <sys/stat.h>

#include <string>

#include "metadata.h"

namespace gbox::layer {

// What becomes of attributes named 'user.overlay.…'.
enum class OverlayNames {
  keep,      // from a layer to a layer: escaped ones stay, overlayfs' own go
  unescape,  // from a layer to a plain tree
  escape,    // from a plain tree to a layer
};

Metadata metadata_of(int dirfd, const std::string& name, const struct stat& status,
                     OverlayNames names);

// `status` is of lstat. The new file is one that nothing else has a name of; its data may be shared
// by the file system.
void copy_regular(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
                  OverlayNames names);
// A symbolic link, FIFO, socket or device.
void copy_special(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
                  OverlayNames names);

// Of an open directory, with every attribute, not only what images hold. Applied when nothing
// changes in it any more.
Metadata directory_metadata(int fd, OverlayNames names);
void apply_directory_metadata(int fd, const Metadata& metadata);
// So that what is made in it inherits nothing: neither a group nor an ACL.
void neutralize_directory(int fd);

}  // namespace gbox::layer
