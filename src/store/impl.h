// What the parts of Store share: the open directory, the sink, and what is not yet known to be on
// disk. The parts: store.cc (opening), records.cc, packages.cc, work.cc (running and failed steps),
// blobs.cc (blobs and packed layers), gc.cc, room.cc (the limit).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "formats.h"
#include "gbox/base/sink.h"
#include "gbox/store/store.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/lock.h"
#include "uses.h"

namespace gbox::store {

// What new files are marked with where the host does not tell its boots apart.
constexpr std::string_view kUnknownBoot = "unknown";
// Steps that took this long are worth waiting for the disk; losing shorter ones to a power cut
// costs less than a sync after each.
constexpr double kWorthSyncSeconds = 5;

constexpr int kMaxPublishAttempts = 8;  // each needs another process to win or drop in between
constexpr std::size_t kHashBlock = 1 << 20;

// A limit that holds while builds run: room.cc.
struct Room {
  std::mutex mutex;  // guards what follows
  std::optional<std::uint64_t> limit;
  std::uint64_t total = 0;  // as last measured, with what was published since
  double next = 0;          // not measured before, on a steady clock, in seconds
  bool stuck = false;       // the last time nothing more could go
  bool warned = false;
  std::uint64_t freed = 0;  // all in all
};

struct InputFile {
  std::string path;     // below the store
  std::int64_t used;    // unix seconds
  std::uint64_t bytes;  // on disk
};

class Store::Impl {
 public:
  Impl(std::string absolute_path, sys::Fd directory, WarningSink& warnings);

  // --- the directory ---
  [[nodiscard]] std::string absolute(const std::string& relative) const {
    return path + '/' + relative;
  }
  void warn(std::string message, std::string hint = {}) const;
  // A new directory in work/, locked: nobody takes it for a leftover while the lock lives.
  struct Scratch {
    std::string relative;
    sys::FileLock lock;
  };
  Scratch make_scratch();
  // Removes what lies in work/ and is locked by nobody.
  void sweep_leftovers();
  // Takes `relative` out of its place at once (rename into work/), then deletes it at leisure: a
  // kill in between leaves a leftover, never half a snapshot. What somebody has locked stays in
  // work/ until that one is gone. False when it was not there.
  bool discard(const std::string& relative);
  // The store as ours alone; nullopt and the holder in `busy` when somebody holds a lease.
  std::optional<sys::FileLock> try_exclusive(std::string_view doing, std::string& busy) const;

  // --- records ---
  // The record, and when there is no sound one, `why` it is not ("" when there is no file).
  std::optional<Stored<Record>> load_record(std::string_view key, std::string& why) const;
  void drop_record(std::string_view key);
  // Publishes `record`; when a sound record of this key upon the same parents came first, returns
  // that instead.
  std::optional<Record> write_record(const Record& record);
  std::vector<Record> list_records() const;
  [[nodiscard]] bool has_snapshot(std::string_view id) const;
  void forget_listing() const;
  // Removes these records, every record built upon their snapshots, and those snapshots. Only
  // while the store is ours alone.
  void remove_records(const std::set<std::string>& keys);

  // --- packages ---
  // The package, and when there is no sound one, `why` it is not ("" when there is none at all).
  std::optional<Stored<Package>> load_package(std::string_view key, std::string& why) const;
  void drop_package(std::string_view key);
  std::vector<Package> list_packages() const;

  // --- inputs ---
  // All files that came from elsewhere, least recently used first.
  std::vector<InputFile> list_inputs() const;

  // --- the limit ---
  // Something of that size was published.
  void note_growth(std::uint64_t bytes);

  // --- layers ---
  std::optional<Stored<LayerEntry>> load_layer(const std::string& file, std::string& why) const;
  // Why a layer's blob cannot be used; "" when it can.
  std::string blob_fault(const CachedLayer& layer) const;

  // --- what a power cut would tear ---
  // The boot to write into a new file; cleared by sync().
  [[nodiscard]] const std::string& boot() const noexcept { return boot_; }
  [[nodiscard]] bool boot_known() const noexcept { return boot_ != kUnknownBoot; }
  // Whether a file with this mark may be trusted: durable, or written since the machine started.
  [[nodiscard]] bool boot_is_ours(const std::string& mark) const noexcept {
    return mark.empty() || (mark == boot_ && boot_known());
  }

  const std::string path;
  const sys::Fd root;
  WarningSink* const sink;
  mutable Uses uses;
  Room room;

  std::mutex mutex;                         // guards what follows
  std::set<std::string> unsynced_records;   // keys
  std::set<std::string> unsynced_packages;  // keys
  std::set<std::string> unsynced_layers;    // file names

  mutable std::mutex listing_mutex;
  // For explanations only, which ask once for each step; others' changes meanwhile do not matter.
  mutable std::optional<std::vector<Record>> listing;
  mutable std::optional<std::vector<Package>> package_listing;

 private:
  std::string boot_;
};

// Names in a directory of the store.
std::vector<std::string> list(int root, const std::string& directory);
std::int64_t unix_now() noexcept;
Moment moment_now() noexcept;
inline std::string record_path(std::string_view key) {
  return "records/" + std::string(key) + ".json";
}
inline std::string package_dir(std::string_view key) {
  return "packages/" + std::string(key);
}
inline std::string package_facts(std::string_view key) {
  return package_dir(key) + "/package.json";
}
inline std::string short_key(std::string_view key) {
  return std::string(key.substr(0, 12));
}
inline std::string snapshot_dir(std::string_view id) {
  return "snapshots/" + std::string(id);
}
// Access and modification time of now; false when the file is gone.
bool stamp(int dirfd, const std::string& path) noexcept;

}  // namespace gbox::store
