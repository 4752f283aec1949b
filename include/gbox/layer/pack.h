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

// Only what is shorter is rewritten: it is held in memory whole.
inline constexpr std::uint64_t kMaxRewrittenBytes = 256u << 20;

// What a layer shows otherwise than the tree has it, decided by whoever knows what its files mean:
// so that equal inputs give equal layers, whatever the time or the machine has left in the tree.
// Paths are relative to the layer's root. Called on the thread that packs, nothing of it twice.
class Rewriter {
 public:
  virtual ~Rewriter() = default;
  // What is passed over, with a directory all that it holds; the marks of deleted names, too.
  [[nodiscard]] virtual bool leaves_out(const std::string& path) const = 0;
  // Seconds of the epoch; `entry.status` has the tree's own.
  [[nodiscard]] virtual std::int64_t mtime(const Entry& entry) const = 0;
  // Whether rewritten() is to be asked for this file.
  [[nodiscard]] virtual bool may_rewrite(const Entry& entry) const = 0;
  [[nodiscard]] virtual std::string rewritten(const Entry& entry, std::string content) const = 0;
};

struct PackOptions {
  TreeKind kind = TreeKind::upper;
  const Rewriter* rewriter = nullptr;  // borrowed; absent: all as the tree has it
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

// What pack_layer() makes a layer of.
ChangeList scan_for_layer(int tree_dirfd, const PackOptions& options);

// Writes the blob to `blob_fd` from its current offset; both descriptors are borrowed, nothing is
// synced. Throws Error: a reserved name, a file that changed meanwhile, no space left.
LayerResult pack_layer(int tree_dirfd, const PackOptions& options, int blob_fd);
// The same of a list that was read before, or of a part of it: several layers can so be made of one
// tree. The target of a hard link has to be in the same part.
LayerResult pack_entries(int tree_dirfd, const ChangeList& list, const PackOptions& options,
                         int blob_fd);

}  // namespace gbox::layer
