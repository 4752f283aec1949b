// The snapshot of one phase, as builds share it. In a directory of include/gbox/build/share.h:
//   gbox-snapshots/TAG.json  {"format": "gbox-snapshot", "version": 1, "key", "parts", "spec",
//   "step",
//                             "upon", "diff_id", "sha256", "size_bytes", "seconds", "extra"}
//   gbox-snapshots/TAG.SHA256.tar.zst
//                            what the phase changed, as one layer
// and in a registry as an artifact under the tag "snapshot-TAG".
//
// A snapshot is what nobody can compute from its key: that this layer is what these parts gave is
// the word of whoever wrote it, so it counts only from a place that the user has named. What can be
// checked is: the key is that of the parts, the tag that of key and "upon", the bytes have the
// digests. "upon" are the tars' digests of the snapshots of the phases below. Two builds of one key
// need not be the same to the byte, and a layer is only right upon the very files that it was made
// upon: whoever has built a phase below by himself finds nothing under his own tag, and runs the
// rest too. (Base and configuration are not among them: their keys are their bytes.)
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/json.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

inline constexpr const char* kSnapshotsDirectory = "gbox-snapshots";

struct SharedSnapshot {
  std::string key;
  Json parts;
  std::string spec;
  std::string step;
  std::vector<std::string> upon;  // hex, lowest first
  Digest diff_id;                 // of the tar: what later ones have in their "upon"
  Digest sha256;                  // of the archive
  std::uint64_t size_bytes = 0;
  double seconds = 0;  // that the phase took
  Json extra;          // of the record; null or an object
};

std::string shared_snapshot_tag(const std::string& key, const std::vector<std::string>& upon);
std::string shared_snapshot_name(const std::string& tag);  // "TAG.json"
std::string shared_snapshot_archive(const SharedSnapshot& snapshot);
std::string shared_snapshot_facts(const SharedSnapshot& snapshot);
// Throws Error (input) for whatever is not exactly right.
SharedSnapshot parse_shared_snapshot(const std::string& text, const std::string& tag);

// Those of one directory. Whatever lies there is outside text, and no link is followed.
class SharedSnapshots {
 public:
  // `directory` is borrowed; it may have none.
  explicit SharedSnapshots(int directory);

  // nullopt when there is none or, with `why`, when it is refused.
  std::optional<SharedSnapshot> find(const std::string& tag, std::string& why) const;
  // Its archive, when it is a file of that size; else `why` not.
  std::optional<sys::Fd> open(const SharedSnapshot& snapshot, std::string& why) const;

 private:
  std::optional<sys::Fd> fd_;
};

}  // namespace gbox::build
