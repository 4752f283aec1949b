// An archive of unknown origin becomes a directory tree: a base tarball, or an OCI layer as an
// overlay snapshot. Nothing in the archive can reach outside the target: every name is resolved
// by the kernel beneath it, parents are never symbolic links, and what would need trust (absolute
// names, '..', hard links elsewhere, reserved names) is an error that names the entry.
// Called by build and oci's users inside gbox's user namespace, on a directory that the caller
// throws away when this throws.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/sink.h"
#include "gbox/sys/owner.h"

namespace gbox::layer {

enum class ArchiveKind {
  tarball,    // names starting '.wh.' are ordinary files
  oci_layer,  // '.wh.x' → overlay whiteout, '.wh..wh..opq' → opaque directory
};

enum class Access {
  as_archived,  // owners, modes and attributes are those of a root file system
  // For data that is used where it lies, such as ebuilds, by whichever user: every entry belongs to
  // the caller, all may read it, special bits and attributes are dropped. (An archive made under a
  // strict umask would stop a step that runs as another user.)
  readable,
};

// What input may ask for at most. Each error names the limit that was met.
struct UnpackLimits {
  std::uint64_t entries = 10'000'000;
  std::uint64_t entry_bytes = std::uint64_t{128} << 30;  // one file, holes included
  std::uint64_t total_bytes = std::uint64_t{512} << 30;  // all files together, holes included
  std::uint64_t path_bytes = 4095;                       // PATH_MAX without its NUL
  std::uint64_t path_depth = 256;
  std::uint64_t xattr_bytes = 256 << 10;  // names and values of one entry
  // A small archive must not keep the machine busy for days: beyond the first bytes, the tar may
  // not be larger than so many times what was read. (Real archives: 3 to 10.)
  std::uint64_t ratio = 200;
  std::uint64_t ratio_free_bytes = std::uint64_t{4} << 30;
};

struct UnpackOptions {
  ArchiveKind kind = ArchiveKind::tarball;
  Access access = Access::as_archived;
  sys::Owners owners = sys::owners();
  UnpackLimits limits;
  std::vector<HashAlgorithm> digests;  // of the archive as stored, computed in the same pass
  unsigned threads = 0;                // for xz and zstd; 0: as many as there are CPUs
  // What the archive takes where it is stored, when the bytes read here were decompressed by
  // somebody else: for the limit of compression (`ratio`).
  std::optional<std::uint64_t> stored_bytes;
  WarningSink* warnings = nullptr;  // borrowed; told about what was left out
  // Both are called on the calling thread. Bytes read of the archive as stored.
  std::function<void(std::uint64_t done)> progress;
  std::function<void()> check_interrupt;  // throws to stop
};

struct UnpackSummary {
  std::uint64_t archive_bytes = 0;  // as stored
  std::uint64_t tar_bytes = 0;      // after decompression
  std::vector<Digest> digests;      // as asked for, in that order; over archive_bytes
  Digest diff_id;                   // SHA-256 of the tar
  std::uint64_t entries = 0;
  std::uint64_t content_bytes = 0;  // of regular files, holes included
  // oci_layer only: the archive's root is opaque, so the layers below are invisible. Overlayfs
  // has no such thing as an opaque root: the caller leaves those layers out.
  bool hides_lower = false;
  std::uint64_t whiteouts = 0;        // with opaque marks; oci_layer only
  std::uint64_t devices_skipped = 0;  // a user namespace may not make them; runtimes provide /dev
  std::uint64_t sockets_skipped = 0;
  std::uint64_t xattrs_skipped = 0;  // namespaces other than user., security.capability, ACLs
};

// Reads the archive from `archive_fd`'s current offset to its end (plain, gzip, bzip2, xz or zstd;
// a pipe will do) and unpacks it into `target_dirfd`, an empty directory. Both are borrowed.
// `name` is how errors call the archive. The target's own owner, mode and time are set when the
// archive holds './'. Owners are numeric, as seen by the calling process. Throws Error
// (ExitCode::input for what the archive is to blame for).
UnpackSummary unpack_archive(int archive_fd, std::string_view name, int target_dirfd,
                             const UnpackOptions& options);

}  // namespace gbox::layer
