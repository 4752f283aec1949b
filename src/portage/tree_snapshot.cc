#include "gbox/portage/tree_snapshot.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/portage/digests.h"
#include "mirror_walk.h"

namespace gbox::portage {

namespace {

constexpr std::size_t kDayBytes = 8;
constexpr std::int64_t kSignedWithin = 4 * kSecondsPerDay;  // it is done in the night after the day
constexpr int kDaysTried = 14;
constexpr char kTarDirectory[] = "snapshots/";
constexpr char kSquashfsDirectory[] = "snapshots/squashfs/";
constexpr char kSums[] = "sha512sum.txt";
// By size, smallest download first.
constexpr std::string_view kSquashfsEndings[] = {".xz.sqfs", ".zst.sqfs", ".zstd.sqfs", ".lzo.sqfs",
                                                 ".sqfs"};

// `file`: what was looked for, which need not be the snapshot itself.
std::string keep_hint(const std::string& file) {
  return "it has no " + quoted(file) +
         ": mirrors keep snapshots for some weeks only; use \"latest\", or 'git' and 'rev' for any "
         "day";
}

std::string tar_name(std::string_view day) {
  return "gentoo-" + std::string(day) + ".tar.xz";
}

// The bytes of the dated snapshot's signature, and which day it is.
struct Dated {
  std::string day;
  std::string signature;
};

class TarSearch {
 public:
  TarSearch(const SnapshotWish& wish, const std::string& mirror, Downloader& downloader,
            const KeyRing* ring)
      : wish_(wish), mirror_(mirror), downloader_(downloader), ring_(ring) {}

  ResolvedFile find() {
    const auto found = wish_.date == kLatest ? find_latest() : find_day(wish_.date);
    if (!found) throw Missing(keep_hint(tar_name(wish_.date) + ".gpgsig"));
    ResolvedFile file;
    file.name = tar_name(found->day);
    file.path = kTarDirectory + file.name;
    file.stamp = found->day;
    file.signature = found->signature;
    file.signed_within = kSignedWithin;
    file.top_directory = "gentoo-" + found->day;
    // Not verified yet, but telling enough to spare fetching what verify_resolved() would refuse.
    const auto claimed = claimed_time(file.signature);
    const std::int64_t day = stamp_time(found->day).value_or(0);
    if (claimed && (*claimed < day || *claimed > day + kSignedWithin))
      throw SignatureError(SignatureFault::something_else,
                           "verify " + quoted(file.name) + ": its signature is of " +
                               iso_date(*claimed) + ", which does not fit its name",
                           "the mirror gives another file under this name; try another mirror");
    file.pointer_time = claimed.value_or(0);
    return file;
  }

 private:
  std::optional<std::string> signature_of(std::string_view day) {
    return downloader_.text(mirror_, kTarDirectory + tar_name(day) + ".gpgsig", kMaxSignatureBytes);
  }

  std::optional<Dated> find_day(const std::string& day) {
    auto signature = signature_of(day);
    // Unasked for, a signature need not be there; that the file is not, its transfer says.
    if (!signature && ring_ == nullptr && wish_.date == day) return Dated{day, {}};
    if (!signature) return std::nullopt;
    return Dated{day, std::move(*signature)};
  }

  std::optional<Dated> find_latest() {
    const auto latest = signature_of(kLatest);
    const auto made = latest ? claimed_time(*latest) : std::nullopt;
    std::optional<Dated> near;
    if (made)
      for (const int back : {1, 0, 2}) {
        auto dated = find_day(day_stamp(*made - back * kSecondsPerDay));
        if (!dated) continue;
        if (dated->signature == *latest) return dated;
        // The mirror is being renewed: a dated snapshot is as good when it is there.
        if (!near) near = std::move(dated);
      }
    if (near) return near;
    for (int back = 0; back <= kDaysTried; ++back)
      if (auto dated = find_day(day_stamp(wish_.now - back * kSecondsPerDay))) return dated;
    return std::nullopt;
  }

  const SnapshotWish& wish_;
  const std::string& mirror_;
  Downloader& downloader_;
  const KeyRing* ring_;
};

// The best form of one day's snapshot among the names, "" when there is none.
std::string squashfs_of(const std::vector<std::string>& names, const std::string& day) {
  for (const std::string_view ending : kSquashfsEndings) {
    const std::string name = "gentoo-" + day + std::string(ending);
    if (std::count(names.begin(), names.end(), name) != 0) return name;
  }
  return {};
}

std::string newest_day(const std::vector<std::string>& names) {
  std::string newest;
  for (const std::string& name : names) {
    if (!name.starts_with("gentoo-")) continue;
    const std::string day = name.substr(7, kDayBytes);
    if (stamp_time(day) && !squashfs_of(names, day).empty()) newest = std::max(newest, day);
  }
  return newest;
}

ResolvedFile find_squashfs(const SnapshotWish& wish, const std::string& mirror,
                           Downloader& downloader, const KeyRing* ring, WarningSink& sink) {
  const std::string path = std::string(kSquashfsDirectory) + kSums;
  const auto content = downloader.text(mirror, path, kMaxPointerBytes);
  if (!content) throw Missing("the mirror has no squashfs snapshots; use format = \"tar\"");
  const SignedText verified = signed_text(*content, kSums, ring, wish.now, sink);
  const std::vector<std::string> names = files_in_digests(verified.text);
  ResolvedFile file;
  file.stamp = wish.date == kLatest ? newest_day(names) : wish.date;
  file.name = squashfs_of(names, file.stamp);
  if (file.name.empty())
    throw Missing(keep_hint("gentoo-" + file.stamp + std::string(kSquashfsEndings[0])));
  file.path = kSquashfsDirectory + file.name;
  file.digests = digests_for(verified.text, file.name, kSums, HashAlgorithm::sha512);
  file.signer = verified.signer;
  file.pointer_time = wish.date == kLatest ? verified.signer.signed_at : 0;
  return file;
}

}  // namespace

ResolvedFile resolve_tree_snapshot(const SnapshotWish& wish, Downloader& mirror,
                                   const KeyRing* ring, WarningSink& sink) {
  if (wish.date != kLatest && (wish.date.size() != kDayBytes || !stamp_time(wish.date)))
    throw Error("snapshot " + quoted(wish.date) + " is no day", ExitCode::usage)
        .set_hint("write \"latest\" or \"YYYYMMDD\"");
  const Walk walk{"fetch snapshot " + quoted(wish.date), wish.mirrors, wish.known_stamp,
                  wish.date == kLatest, wish.now};
  return walk_mirrors(walk, sink, [&](const std::string& one) {
    return wish.format == spec::SnapshotFormat::tar ? TarSearch(wish, one, mirror, ring).find()
                                                    : find_squashfs(wish, one, mirror, ring, sink);
  });
}

}  // namespace gbox::portage
