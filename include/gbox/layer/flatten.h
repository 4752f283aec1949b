// Several overlay layer directories merged into one by hard links: a checkpoint, which keeps
// mounts shallow and costs inodes for its directories and setuid programs only. Reads the layers,
// writes nothing but the target. `build` calls it, inside the store's user namespace, on snapshots
// that never change. Refuses: layers of another file system than the target's; a target that is not
// empty.
//
// What follows from links: files shown through a checkpoint have a greater st_nlink than through
// the layers, and overlayfs shows another inode number for them once they are copied up, as it
// does for every hard-linked file. Nothing else differs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace gbox::layer {

struct FlattenSummary {
  std::uint64_t entries = 0;      // everything in the target below its root
  std::uint64_t directories = 0;  // of them, made anew
  std::uint64_t linked = 0;       // entries that are one more name of a layer's inode
  std::uint64_t copied = 0;       // made anew because their inode can have no more names
  std::uint64_t whiteouts = 0;    // of the entries: still needed to hide what is below
  std::uint64_t opaque = 0;       // directories that still hide what is below them
};

// Fills `target` (O_RDONLY; an empty directory on the layers' file system) so that an overlay with
// it on top of `below` shows what one with `layers` (O_RDONLY directories, lowest first) on top of
// `below` shows: paths, types, owners, modes, content, attributes, times, and which names of one
// layer are links of each other. The target's root takes owner, mode, time and attributes of the
// topmost layer's root. Whiteouts are character devices 0:0 and user.overlay.opaque=y, as in
// whiteout.h; a layer's root is never opaque to overlayfs, whatever it is marked with. Other
// internal attributes of overlayfs do not get onto the new directories; escaped ones do.
// `below` is a read-only view (O_RDONLY or O_PATH) of everything under the lowest layer, -1 for
// nothing: a whiteout or opaque mark that hides nothing of it is left out.
// All descriptors are borrowed; at most about 200 more are open, however deep the trees are.
// `check_interrupt` is called often; it throws to stop. Throws Error; what the target holds then
// is for the caller to remove.
FlattenSummary flatten(std::span<const int> layers, int target, int below,
                       const std::function<void()>& check_interrupt = {});

}  // namespace gbox::layer
