// What Gentoo's mirrors are asked for, and what comes of a name such as 'latest': a file with its
// URLs, size and digests. Resolving (stage3.h, tree_snapshot.h) fetches small texts only, through a
// Downloader; the large file is fetched by build, checked against `digests` while it arrives, and
// by verify_resolved() before it is published.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/sink.h"
#include "gbox/portage/openpgp.h"

namespace gbox::net {
struct Settings;
}

namespace gbox::portage {

inline constexpr std::string_view kLatest = "latest";  // as a date: the newest there is
inline constexpr std::size_t kStampBytes = 16;         // "20260816T164558Z"
inline constexpr std::int64_t kSecondsPerDay = 86400;

// Small files of mirrors into memory.
class Downloader {
 public:
  virtual ~Downloader() = default;
  // `path` below `mirror` (a URL or an absolute path); nullopt when the mirror answers that there
  // is no such file. Throws Error (input) for every other failure and for more than `max_bytes`.
  virtual std::optional<std::string> text(const std::string& mirror, const std::string& path,
                                          std::uint64_t max_bytes) = 0;
};

// By module net. `settings` is borrowed.
class NetDownloader : public Downloader {
 public:
  explicit NetDownloader(const net::Settings& settings) : settings_(settings) {}
  std::optional<std::string> text(const std::string& mirror, const std::string& path,
                                  std::uint64_t max_bytes) override;

 private:
  const net::Settings& settings_;
};

// A file to fetch. Either `digests` or `signature` is set, unless verification is off.
struct ResolvedFile {
  std::string name;                   // "stage3-amd64-openrc-20260816T164558Z.tar.xz"
  std::string path;                   // below a mirror
  std::vector<std::string> urls;      // one a mirror; first the one that answered
  std::optional<std::uint64_t> size;  // in bytes, where the mirror's signed text says it
  std::vector<Digest> digests;        // all must match
  std::string stamp;                  // "20260816T164558Z", or "20260816" of a snapshot
  std::int64_t pointer_time = 0;      // when the signed text that named it was made; 0: none did
  Signer signer;          // of the text with the digests; empty while `signature` is to be verified
  std::string signature;  // detached, over the whole file, for verify_resolved()
  std::string top_directory;  // of a tarball, when its name tells: "gentoo-20260816"; else ""
  // A detached signature carries no file name: how long after its stamp it may have been made, in
  // seconds, so that an older file cannot go by a newer name. 0: not asked.
  std::int64_t signed_within = 0;
};

// Verifies the fetched file, open as `fd`, by its detached signature, and that the signature is of
// its day; with digests only there is nothing left to do. Returns whose word the file has.
// `ring` nullptr: verification is off.
Signer verify_resolved(int fd, const ResolvedFile& file, const KeyRing* ring);

constexpr std::int64_t kStalePointerDays = 45;  // Gentoo makes stages weekly, snapshots daily

// "latest", "YYYYMMDD" or "YYYYMMDDTHHMMSSZ", of a day and time that exist.
bool is_date_wish(std::string_view date);
// Start of a stamp's day, or its second, since 1970; nullopt for what is neither "YYYYMMDD" nor
// "YYYYMMDDTHHMMSSZ".
std::optional<std::int64_t> stamp_time(std::string_view stamp);
// "YYYYMMDD" of seconds since 1970, in UTC.
std::string day_stamp(std::int64_t seconds);

}  // namespace gbox::portage
