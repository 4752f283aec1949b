// stage4.lock: what the names in a spec meant when they were resolved. A later build with the same
// spec takes exactly these inputs. TOML, written by gbox alone, in one canonical form, so that two
// equal locks are equal files; read as strictly as a spec. Pure: no file is opened here.
//
// An entry holds the wish it answers (the spec's own words), so that an edit of the spec makes
// just that entry stale. Nothing in it depends on the machine but `cpu` and `flags`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"

namespace gbox::spec {

constexpr int kLockVersion = 1;
constexpr std::size_t kMaxLockBytes = 1u << 20;

// A file of a mirror, down to its bytes.
struct LockedFile {
  std::string name;               // the file's, without a directory
  std::vector<std::string> urls;  // where it was to be had, in order
  std::uint64_t size = 0;         // bytes
  std::vector<Digest> digests;    // sorted by algorithm; SHA-256 is always among them
  std::string signer;             // fingerprint of the primary key; empty: not verified by one
  bool operator==(const LockedFile&) const = default;
  [[nodiscard]] const Digest& sha256() const;  // throws Error when absent
};

struct LockedBase {
  std::string wish;   // "stage3 openrc, arch amd64, date latest"
  std::string stamp;  // "20261115T170312Z"; empty for a tarball by URL
  LockedFile file;
  bool operator==(const LockedBase&) const = default;
};

struct LockedRepository {
  std::string wish;    // "snapshot latest, format tar", or "git URL, rev REV"
  std::string date;    // of a snapshot: "YYYYMMDD"
  LockedFile file;     // of a snapshot
  std::string git;     // the URL
  std::string commit;  // hex object id
  bool operator==(const LockedRepository&) const = default;
};

// What a binary package host offers: its index, from which Portage chooses.
struct LockedBinaryHost {
  std::string wish;   // "uri URI", or "official x86-64-v3, arch amd64"
  std::string stamp;  // when the index was made: "20261115T170312Z"
  LockedFile index;
  bool operator==(const LockedBinaryHost&) const = default;
};

// What "native" meant.
struct LockedCpu {
  std::string machine;  // "x86_64", as uname says
  std::string wish;     // the flags as the spec has them, and whether cpu_flags is native
  std::string march;    // what stands in the place of -march=native; empty: not asked for
  std::vector<std::string> flags;  // of CPU_FLAGS_<ARCH>; empty: not asked for
  bool operator==(const LockedCpu&) const = default;
};

struct Lock {
  std::optional<LockedBase> base;
  std::map<std::string, LockedRepository> repositories;  // by name
  std::map<std::string, LockedBinaryHost> binary_hosts;  // by name
  std::optional<LockedCpu> cpu;
  bool operator==(const Lock&) const = default;
  [[nodiscard]] bool empty() const {
    return !base && repositories.empty() && binary_hosts.empty() && !cpu;
  }
};

// Throws SpecError, with the place of each fault, for what is no lock of this version; the hint
// says how to make it anew.
Lock read_lock(const std::string& path_shown, std::string_view text);

// The canonical text.
std::string write_lock(const Lock& lock);

// One line for each field that differs, such as "base.stamp: 2026… → 2027…".
std::vector<std::string> lock_changes(const Lock& from, const Lock& to);

// Where a spec's lock lies: "stage4.toml" → "stage4.lock".
std::string lock_path(std::string_view spec_path);

}  // namespace gbox::spec
