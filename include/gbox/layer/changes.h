// What a layer will hold, as data: an overlay upperdir or a whole tree, read once into a list in
// the order the tar will have. Reading a tree writes nothing. pack.h turns the list into a blob;
// callers also use it to tell whether a step changed anything and what.
// Refuses: names the OCI spec reserves ('.wh.…'), trees deeper than kMaxTreeDepth, an output
// subtree that is not a directory.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gbox/base/sink.h"
#include "gbox/sys/owner.h"

namespace gbox::layer {

inline constexpr unsigned kMaxTreeDepth = 512;  // one descriptor a level while walking

enum class TreeKind {
  upper,  // an overlay upperdir: whiteouts, opaque directories, escaped xattrs are understood
  plain,  // a complete tree (a directory or a merged overlay mount): every entry is itself
};

enum class EntryKind {
  directory,
  file,
  symlink,
  hardlink,  // `target` is the path of an earlier entry of the list
  fifo,
  char_device,
  block_device,
  whiteout,  // `path` is the name that is gone (without the prefix)
  opaque,    // `path` is the directory whose lower content is gone ("" for the root)
};

struct Entry {
  std::string path;  // relative to the layer's root, no leading or trailing '/'; "" is the root
  EntryKind kind = EntryKind::file;
  struct stat status {};  // of lstat; all zero for whiteout and opaque
  std::string target;     // of symlink and hardlink
  std::vector<std::pair<std::string, std::string>> xattrs;  // as the image sees them, by name
};

struct ChangeList {
  // The root first, then each directory before what it holds: opaque mark, whiteouts, the rest,
  // each in byte order.
  std::vector<Entry> entries;
  std::uint64_t content_bytes = 0;    // of all regular files, hard links counted once
  std::uint64_t sockets_skipped = 0;  // tar has no form for them, and they mean nothing at rest
  // The parent's content of this subtree is gone altogether: layers below are invisible through
  // this one. An image must leave them out: the mark for it ('.wh..wh..opq' at the root) is
  // written for readers that apply layers one by one, but overlayfs, and so podman, ignores it.
  bool hides_lower = false;
  // Nothing changed: no layer is needed. A changed mode or time of the root alone counts as
  // nothing, because making an upperdir sets them too; a subtree below the root counts.
  [[nodiscard]] bool empty() const noexcept { return entries.empty(); }
};

struct ScanOptions {
  TreeKind kind = TreeKind::upper;
  // The layer's root within the tree, such as "destination"; "" for all of it. No component may
  // be a symbolic link: resolve links against the merged view first.
  std::string subtree;
  WarningSink* warnings = nullptr;        // borrowed; told about skipped sockets
  std::function<void()> check_interrupt;  // called often; throws to stop
  // What to pass over, by its path below the layer's root; with a directory, all that it holds.
  std::function<bool(const std::string& path)> leave_out;
  sys::Owners owners = sys::owners();
};

// Reads the tree below `tree_dirfd` (borrowed). Owners, modes and xattrs are taken as the calling
// process sees them, or from what is recorded (`owners`): call it inside the namespace whose ids
// the image shall have. Throws Error.
ChangeList scan_tree(int tree_dirfd, const ScanOptions& options);

}  // namespace gbox::layer
