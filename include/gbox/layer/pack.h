// A tree becomes a layer blob: deterministic tar, compressed, with both digests, in one pass over
// the bytes. The same tree gives the same bytes on every host and for every thread count, as long
// as the compression library's version is the same; the diff ID depends on the tree alone.
// Refuses a tree that changes while it is read. Called by build for snapshots and merged roots.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "gbox/base/digest.h"
#include "gbox/base/sink.h"
#include "gbox/layer/changes.h"

namespace gbox::layer {

enum class Compression { none, gzip, zstd };

// The defaults were chosen by figures, see src/layer/compressor.h.
inline constexpr int kDefaultGzipLevel = 5;
inline constexpr int kDefaultZstdLevel = 3;

// A tree that no step made: a directory of this machine, as a checkout or an archive left it. Of it
// the names, bytes, link targets and execute bits count; what else the image has is said here, so
// that equal content gives equal layers. Owner is 0:0, the mode 0755 or 0644, links are files each,
// and there are no extended attributes. Refuses what is no directory, file or symbolic link.
struct Adoption {
  std::string prefix;  // where the tree is in the image, such as "var/db/repos/gentoo"
  std::optional<std::int64_t> file_mtime;  // of all but directories; absent: their own
  std::int64_t directory_mtime = 0;        // of all directories, those of the prefix included
  std::function<bool(const std::string& path)> leave_out;  // see ScanOptions
};

struct PackOptions {
  TreeKind kind = TreeKind::upper;
  const Adoption* adoption = nullptr;  // borrowed; of a plain tree only
  std::string subtree;                 // see ScanOptions
  Compression compression = Compression::gzip;
  std::optional<int> level;                 // gzip 1…12, zstd 1…19; ignored for none
  unsigned threads = 0;                     // for compressing; 0: as many as there are CPUs
  std::optional<std::int64_t> clamp_mtime;  // later times become this one (seconds of the epoch)
  WarningSink* warnings = nullptr;          // borrowed
  // Both are called on the calling thread. Bytes of file content, so far and altogether.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  std::function<void()> check_interrupt;  // throws to stop; the blob is then half written
  sys::Owners owners = sys::owners();
};

struct LayerResult {
  bool empty = false;        // nothing changed; nothing was written, all else is zero
  bool hides_lower = false;  // see ChangeList
  Digest diff_id;            // of the tar
  Digest blob_digest;        // of what was written
  std::uint64_t blob_size = 0;
  std::uint64_t uncompressed_size = 0;
  std::uint64_t entries = 0;
  std::uint64_t sockets_skipped = 0;
};

// Writes the blob to `blob_fd` from its current offset; both descriptors are borrowed, nothing is
// synced. Throws Error: a reserved name, a file that changed meanwhile, no space left.
LayerResult pack_layer(int tree_dirfd, const PackOptions& options, int blob_fd);

}  // namespace gbox::layer
