// What the store may throw away, and what it did. Used by `gbox cache gc` and `gbox cache du`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace gbox::store {

// With no limit set only garbage goes: snapshots without a record, layers without a snapshot,
// blobs without a layer, leftovers of dead processes, and failed steps and logs past their age.
struct GcPolicy {
  // Remove until the store fits: inputs from elsewhere first, which can be fetched again, then
  // records and packages; least recently used first.
  std::optional<std::uint64_t> max_bytes;
  std::optional<std::chrono::seconds> unused_for;   // remove what was not used for this long
  std::chrono::seconds failed_for{14 * 24 * 3600};  // age at which failed steps and lone logs go
  std::int64_t now = 0;                             // unix seconds; 0: the clock's
};

struct GcResult {
  std::string busy;  // who holds a lease; empty when the store was ours
  std::uint64_t freed_bytes = 0;
  std::size_t records = 0;
  std::size_t snapshots = 0;
  std::size_t packages = 0;
  std::size_t blobs = 0;
  std::size_t failed = 0;
  std::size_t logs = 0;
  std::size_t inputs = 0;  // with distfiles and fetched binary packages
};

struct DiskUsage {
  std::uint64_t snapshots_bytes = 0;
  std::uint64_t packages_bytes = 0;
  std::uint64_t blobs_bytes = 0;
  std::uint64_t failed_bytes = 0;
  std::uint64_t logs_bytes = 0;
  std::uint64_t inputs_bytes = 0;  // with distfiles, binary packages and what is being fetched
  std::size_t records = 0;
  std::size_t snapshots = 0;
  std::size_t packages = 0;
  std::size_t blobs = 0;
  std::size_t failed = 0;
  std::size_t inputs = 0;
  std::size_t logs = 0;
  [[nodiscard]] std::uint64_t total_bytes() const noexcept {
    return snapshots_bytes + packages_bytes + blobs_bytes + failed_bytes + logs_bytes +
           inputs_bytes;
  }
};

}  // namespace gbox::store
