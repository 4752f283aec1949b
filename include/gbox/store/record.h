// What the store writes down: records (a step's key → its result), what is known of a snapshot,
// of a failed step and of a packed layer. Plain values; reading and writing is the store's.
//
// Formats (JSON, UTF-8, one object a file; an unknown "version" is treated as damage, unknown
// fields are ignored):
//   records/KEY.json        {"version": 1, "key", "spec", "step", "phase", "kind", "parts",
//                            "snapshot", "parents": [ID…], "log", "seconds", "created",
//                            "created_ns", "gbox", "size_bytes", "entries", "extra",
//                            "made_of": [ID…], "boot"}; "extra" and "made_of" are absent when
//                            there is none
//                           its mtime is when it was last used; "boot" names the boot of the
//                           machine in which it was written, and is absent once all it names is
//                           known to be on disk: a record of another boot with this field is
//                           absent, because a power cut may have torn its snapshot
//   snapshots/ID/meta.json  {"version": 1, "size_bytes", "entries", "created"} beside fs/
//   failed/STEP/meta.json   {"version": 1, "spec", "step", "phase", "key", "parents",
//                            "environment": {NAME: VALUE}, "argv", "working_dir", "log",
//                            "exit_status", "created", "created_ns", "size_bytes", "entries",
//                            "extra"}
//                           beside fs/ and work/
//   packages/KEY/package.json
//                           {"version": 1, "key", "spec", "step", "phase", "cpv", "parts", "file",
//                            "path", "stanza", "sha256", "size_bytes", "log", "seconds",
//                            "peak_bytes", "created", "created_ns", "gbox", "boot"} beside the
//                            file; mtime and
//                           "boot" as in records, "peak_bytes" is absent when unknown
//   layers/HEX.json         {"version": 1, "snapshots": [ID…], "options", "digest",
//                            "size_bytes", "diff_id", "uncompressed_bytes", "boot"}
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/json.h"

namespace gbox::store {

// When something was written down, to the nanosecond: two runs of a step may end in one second, and
// the later one counts.
struct Moment {
  constexpr Moment(std::int64_t unix_seconds = 0, std::int64_t nanoseconds_of_it = 0)
      : seconds(unix_seconds), nanoseconds(nanoseconds_of_it) {}
  std::int64_t seconds;
  std::int64_t nanoseconds;  // 0 in what an older gbox wrote
  auto operator<=>(const Moment&) const = default;
};

// A finished step. What publish() fills in by itself is marked (*); the rest is the caller's.
struct Record {
  std::string key;       // lower-case hex SHA-256
  std::string spec;      // name of the spec, so that explanations compare like with like
  std::string step;      // "php", "php/dev-lang/php", "base"
  std::string phase;     // empty for base and config
  std::string kind;      // "base", "config", "phase"; free text to the store
  Json parts;            // the key's ordered parts, for explanations
  std::string snapshot;  // (*) the directory holding what the step changed
  std::vector<std::string> parents;  // the snapshots it was built upon, lowest first
  std::string log;                   // name below logs/, may be empty
  double seconds = 0;
  Moment created;                // (*)
  std::string gbox;              // (*) version of gbox
  std::uint64_t size_bytes = 0;  // (*) allocated bytes; a hard-linked file counts once, one that
                                 // another snapshot has as well not at all
  std::uint64_t entries = 0;     // (*) files, directories and the rest
  std::int64_t used = 0;         // (*) unix seconds of the last hit; the file's mtime
  Json extra;                    // whatever else the caller wants to find again; may be null
  // Snapshots whose files it shares by hard links: to remove those alone would free nothing.
  std::vector<std::string> made_of;
};

// An entry of a 'Packages' index is at most this long.
inline constexpr std::size_t kMaxStanzaBytes = 256 << 10;

// A finished build of one package. What put_package() fills in by itself is marked (*).
struct Package {
  std::string key;   // lower-case hex SHA-256; a namespace of its own beside records' keys
  std::string spec;  // as in Record, like the following
  std::string step;  // "php/dev-lang/php"
  std::string phase;
  std::string cpv;   // "dev-lang/php-8.3.1"
  Json parts;        // the key's ordered parts, for explanations
  std::string file;  // (*) one path component, such as "php-8.3.1-1.gpkg.tar"
  std::string
      path;  // where a binary package repository has it: "dev-lang/php/php-8.3.1-1.gpkg.tar"
  std::string stanza;  // its entry of a 'Packages' index, as outside text; what is no UTF-8 is lost
  Digest sha256;       // (*) of the file
  std::uint64_t size_bytes = 0;  // (*) of the file
  std::string log;               // name below logs/, may be empty
  double seconds = 0;
  std::uint64_t peak_bytes = 0;  // of memory; 0: unknown
  Moment created;                // (*)
  std::int64_t used = 0;         // (*) unix seconds of the last hit
  std::string gbox;              // (*) version of gbox
};

// A failed step, kept for `gbox shell`; never a cache hit.
struct FailedStep {
  std::string spec;
  std::string step;
  std::string phase;
  std::string key;
  std::vector<std::string> parents;  // lower snapshots, lowest first
  std::map<std::string, std::string> environment;
  std::vector<std::string> argv;
  std::string working_dir;
  std::string log;               // name below logs/
  int exit_status = 0;           // 128 + signal when it was killed
  Json extra;                    // whatever else the caller needs to open the step again
  Moment created;                // (*)
  std::uint64_t size_bytes = 0;  // (*)
  std::uint64_t entries = 0;     // (*)
};

struct SnapshotInfo {
  std::uint64_t size_bytes = 0;
  std::uint64_t entries = 0;
  std::int64_t created = 0;
};

// What a packed layer depends on: which snapshots it holds (one, or all for a single layer) and
// every option that changes its bytes, as text of the caller's choosing.
struct LayerKey {
  std::vector<std::string> snapshots;  // lowest first
  std::string options;
};

struct CachedLayer {
  Digest digest;  // of the blob
  std::uint64_t size_bytes = 0;
  Digest diff_id;  // of the uncompressed tar
  std::uint64_t uncompressed_bytes = 0;
};

}  // namespace gbox::store
