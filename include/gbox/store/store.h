// The store: every snapshot, record, blob and log gbox keeps, as plain files below one directory.
// Safe between several gboxes (flock) and under kill -9 at any instant (publish by rename): what
// is lost is at most the running step. It mounts nothing, runs nothing and knows no spec; `build`
// and `cli` call it, from inside gbox's user namespace, as its root. Methods may be called from
// several threads at once.
//
// Layout, version 1 (formats of the JSON files: record.h; of lock files: sys/lock.h):
//   gbox-store.json        {"format": "gbox-store", "version": 1, "id_map"}; the store is 0700
//   records/KEY.json       a finished step
//   snapshots/ID/          fs/ = an immutable overlay layer directory, meta.json
//   packages/KEY/          package.json and the binary package it names; a plain rename of the
//                          directory publishes both at once
//   work/RANDOM/           fs/ and work/ of a running step, locked by its process (flock on the
//                          directory); also what is being deleted. An unlocked one is a leftover
//                          of a dead process and is removed by whoever opens the store next.
//                          A blob being written is work/RANDOM/blob; a package being published
//                          has all of work/RANDOM.
//   failed/STEP/           fs/, work/, meta.json of the last failure of a step
//   logs/STEP.KEY.XXXX.log output of a step, whether it finished or not
//   blobs/sha256/HEX       finished blobs; mtime is when one was last used
//   layers/HEX.json        which blob a snapshot was packed into
//   inputs/HEX             a verified file from elsewhere (stage3, snapshot), by its SHA-256; mtime
//                          is when it was last used
//   distfiles/NAME         source archives, as Portage names them; steps see them read-only
//   binpkgs/HEX/           what was fetched of one binary package host, as its URI lays it out
//   memo/HEX.json          what need not be computed again (memo.cc)
//   digests/HEX.json       what files of distfiles/ and binpkgs/ hash to (digests.cc)
//   git/HEX/               a bare repository: what was fetched from the URL of that digest; mtime
//                          is when it was last used
//   incoming/              being fetched: partial files of net/transfer.h, and whole ones whose
//                          signature is still to be checked; nothing else ever reads it
//   uses/                  what running gboxes use: uses.h
//   locks/store            held shared by whoever uses the store (lease), exclusively by gc
//   locks/key-KEY          held exclusively by whoever builds that key
//   locks/git-HEX          held exclusively by whoever fetches into git/HEX
// STEP is an encoded step name (encode_name): names of a spec never become paths unchecked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/sink.h"
#include "gbox/store/blob.h"
#include "gbox/store/gc.h"
#include "gbox/store/record.h"
#include "gbox/store/verify.h"
#include "gbox/store/work.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/lock.h"

namespace gbox::store {

// What the caller will do with the store decides which file systems it can lie on.
enum class Purpose {
  build,    // snapshots become overlay layers with mapped owners: all probes
  inspect,  // listing, blobs, copies: locks and plain files suffice
};

// Whether keep_limit() may skip measuring to save time: it costs a walk over the store's files.
enum class Measure { when_due, now };

// A log file of a running step. `name` is what records keep.
struct LogFile {
  sys::Fd fd;  // write-only, O_APPEND
  std::string name;
  std::string path;
};

// A step name as one path component: letters, digits and "._+-" as they are (no leading dot), the
// rest as %XX; names too long for a file name are cut and end in "%~" and a digest. Injective.
std::string encode_name(std::string_view name);

// A directory of what was fetched from a git repository, ours alone while the lock lives.
struct GitCache {
  std::string path;
  sys::FileLock lock;
};

class Store {
 public:
  class Impl;  // for the store's own files

  // Opens the store at `path`, making it (0700, parents 0755) when missing. `id_map` is the id map
  // as text, such as "0+1→1000, 1+65535→100000": a store written under another one is refused,
  // because its files would change owners. Leftovers of dead processes are removed. Throws Error
  // (ExitCode::host) with a hint when the file system cannot do what `purpose` needs, and refuses
  // a directory that holds other things. `sink` must outlive the store.
  static Store open(const std::string& path, std::string_view id_map, WarningSink& sink,
                    Purpose purpose = Purpose::build);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  [[nodiscard]] const std::string& path() const noexcept;  // absolute, without links
  [[nodiscard]] int fd() const noexcept;

  // --- using the store at the same time as others ---
  // Nothing is garbage while a lease is held: take one for the life of a build. Waits for a
  // running gc.
  sys::FileLock lease(std::string_view doing, const sys::LockWait& wait = {});
  // Two builds of one key: the second waits, then finds the record of the first.
  sys::FileLock lock_key(std::string_view key, std::string_view doing,
                         const sys::LockWait& wait = {});
  // nullopt when another process has it; `holder` then tells which, as far as it is known.
  std::optional<sys::FileLock> try_lock_key(std::string_view key, std::string_view doing,
                                            sys::LockHolder* holder = nullptr);

  // --- records ---
  // The record of `key`, stamped as used. Absent, with a warning and dropped, when it is damaged
  // or when a snapshot it names is gone; absent and dropped, too, when `parents` is given and it
  // was built upon others (an earlier build of the same parents' keys: the two do not mix).
  std::optional<Record> find_record(std::string_view key);
  std::optional<Record> find_record(std::string_view key, const std::vector<std::string>& parents);
  // As find_record, but neither stamps nor drops nor warns: for plans and listings.
  [[nodiscard]] std::optional<Record> peek_record(std::string_view key) const;
  // The newest record of a step of that spec, else of any spec; for explanations.
  [[nodiscard]] std::optional<Record> latest_record_of(std::string_view step,
                                                       std::string_view spec = {}) const;
  // All sound records, least recently used first.
  [[nodiscard]] std::vector<Record> records() const;
  // Forgets a record, so that its step runs again; what was built upon it does too, because its
  // parents are then others. The snapshots stay until gc: another process may be using them.
  void forget_record(std::string_view key);

  // --- packages ---
  // The package of `key`, stamped as used. Absent, with a warning and dropped, when it is damaged,
  // its file is missing or has another size; nothing is hashed (see verify_package).
  std::optional<Package> find_package(std::string_view key);
  // As find_package, but neither stamps nor drops nor warns.
  [[nodiscard]] std::optional<Package> peek_package(std::string_view key) const;
  // All sound packages, least recently used first.
  [[nodiscard]] std::vector<Package> packages() const;
  // The newest package of a step of that spec, else of any spec; for explanations.
  [[nodiscard]] std::optional<Package> latest_package_of(std::string_view step,
                                                         std::string_view spec = {}) const;
  // Its file, O_RDONLY, and the absolute path of it, for a hard link into a step's PKGDIR. A step
  // must not be able to write to it: the inode is the store's.
  [[nodiscard]] sys::Fd open_package(const Package& package) const;
  [[nodiscard]] std::string package_file(const Package& package) const;
  // Whether the file is there and has the digest that it came with. Reads all of it.
  [[nodiscard]] bool verify_package(const Package& package) const;
  // Makes the regular file `name` in `dirfd`, which lies on the store's file system (a work
  // directory), a package: one more link to it, with mode 0644. Nothing may write to it any more.
  // When a sound package of this key is there already, that is returned and nothing changes. On
  // disk by the rules of publish(). The caller holds a lease. Throws Error (input) when the entry
  // for the index is longer than kMaxStanzaBytes or `path` is not a plain relative one.
  Package put_package(int dirfd, const std::string& name, Package package);
  // Twice is harmless. Open files stay readable.
  void forget_package(std::string_view key);

  // --- running steps ---
  // A new work directory: an empty fs() and work() on one file system for overlay's upperdir and
  // workdir. fs() takes mode and owner of the root of snapshot `on_top_of`, as the merged root
  // shows those of the upper one; 0755 and ours when empty. Discarded by its destructor unless
  // published or kept. Holds a lease of its own.
  Work begin_step(std::string_view step, std::string_view on_top_of = {});
  // Turns the work directory into a snapshot and writes the record. Whatever was mounted on it
  // must be unmounted. When another process published the same key upon the same parents first,
  // its record is returned and this work is discarded. Steps that took long are on disk when this
  // returns (syncfs); short ones once sync() was called: until then a power cut loses them, a
  // kill -9 does not.
  Record publish(Work&& work, Record record);
  // Makes everything published so far durable. Call at the end of a build.
  void sync();

  // --- failed steps ---
  // Keeps the work directory as the failed one of `failed.step`, instead of an earlier one.
  void keep_failed(Work&& work, FailedStep failed);
  [[nodiscard]] std::optional<FailedStep> find_failed(std::string_view step) const;
  // Its directories, locked, and kept by the destructor: for an overlay on top of the failure.
  // nullopt when there is none; throws Error when another process has it open.
  std::optional<Work> open_failed(std::string_view step);
  void forget_failed(std::string_view step);
  [[nodiscard]] std::vector<FailedStep> failed_steps() const;

  // --- snapshots ---
  [[nodiscard]] bool has_snapshot(std::string_view id) const;
  [[nodiscard]] std::string snapshot_path(std::string_view id) const;  // …/snapshots/ID/fs
  [[nodiscard]] sys::Fd open_snapshot(std::string_view id) const;      // its fs/, O_PATH
  [[nodiscard]] std::optional<SnapshotInfo> snapshot_info(std::string_view id) const;

  // --- logs ---
  LogFile open_log(std::string_view step, std::string_view key);
  // Throws Error when `name` is not a log's name.
  [[nodiscard]] std::string log_path(std::string_view name) const;

  // --- blobs and packed layers ---
  BlobWriter new_blob();
  [[nodiscard]] std::string blob_path(const Digest& digest) const;
  [[nodiscard]] bool has_blob(const Digest& digest) const;
  // The cached layer, stamped as used. An entry that is damaged, or whose blob is missing or of
  // another size, is dropped with a warning.
  std::optional<CachedLayer> find_layer(const LayerKey& key);
  void put_layer(const LayerKey& key, const CachedLayer& layer);

  // --- inputs from elsewhere ---
  // The file, O_RDONLY and stamped as used; nullopt when it is not here. Its bytes were hashed
  // when it came in, and nothing but gbox writes to the store.
  std::optional<sys::Fd> open_input(const Digest& sha256);
  // Where transfers go before they are inputs. For net::fetch_all.
  [[nodiscard]] sys::Fd open_incoming() const;
  // incoming/NAME becomes the input `sha256`, which the caller has computed over its bytes and has
  // verified. Durable when this returns.
  void adopt_input(const std::string& name, const Digest& sha256);
  void discard_incoming(const std::string& name) noexcept;
  // Absolute paths of directories that exist.
  [[nodiscard]] std::string distfiles_path() const;
  // git/HEX for the digest of a URL, made when missing and stamped as used. What is in there speeds
  // up the next fetch; nothing depends on it. The caller holds a lease.
  GitCache open_git_cache(const Digest& url_sha256, const sys::LockWait& wait = {});
  [[nodiscard]] std::string binpkgs_path() const;

  // --- what need not be computed again ---
  // The value that was put for `subject` in this very `state`; all three are texts of the caller's
  // choosing. A damaged memo is none. Nothing but time depends on memos; gc drops old ones.
  std::optional<std::string> find_memo(std::string_view subject, std::string_view state);
  // Instead of an earlier one of `subject`.
  void put_memo(std::string_view subject, std::string_view state, std::string_view value);

  // --- soundness ---
  // What the file at `path` below the store, in distfiles/ or binpkgs/, must hash to: the caller
  // has just seen that it does. Twice is harmless.
  void note_digest(const std::string& path, const Digest& digest);
  // Hashes every package, blob and input, and the files of note_digest(). A damaged one is dropped,
  // so that it is built, packed or fetched again. The caller holds a lease. Throws what `progress`
  // throws.
  VerifyResult verify(const VerifyProgress& progress);

  // --- a limit that holds while builds run ---
  // From now on publish() and keep_limit() remove, least recently used first, what no running gbox
  // uses, while the store takes more than `bytes`. What is used is what was found, published or
  // mounted since a process has opened the store, with all that is mounted or made of; and what
  // keep() names. When that alone is too much, there is one warning. Unlike a collection this needs
  // no lease to be gone.
  void set_limit(std::uint64_t bytes);
  void keep_limit(Measure measure = Measure::when_due);
  // By this process, all in all.
  [[nodiscard]] std::uint64_t freed_for_limit() const;
  // Paths below the store that will be used: "packages/KEY", "inputs/HEX", "distfiles/NAME",
  // "binpkgs/HEX". Whether they are there does not matter.
  void keep(const std::vector<std::string>& paths);

  // --- space ---
  [[nodiscard]] DiskUsage disk_usage() const;
  // Removes what nothing refers to, then what the policy allows, least recently used first.
  // Nothing is removed while another process holds a lease: `busy` then says who. The caller
  // holds no lease.
  GcResult collect_garbage(const GcPolicy& policy);

 private:
  explicit Store(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gbox::store
