#include "gbox/portage/tree_snapshot.h"

#include <doctest/doctest.h>

#include "fake_mirror.h"

using namespace gbox;
using namespace gbox::portage;
using namespace gbox::test;

namespace {

constexpr std::int64_t kTreeNow = 1754931600;       // 2025-08-11 17:00 UTC
constexpr std::int64_t kSigned = 1754787000;        // 2025-08-10 00:50 UTC
constexpr std::int64_t kSignedBefore = 1754700600;  // a day earlier
const std::string kLatestSignature = "snapshots/gentoo-latest.tar.xz.gpgsig";
const std::string kSums = "snapshots/squashfs/sha512sum.txt";

SnapshotWish tree_wish(const std::string& date = "latest",
                       spec::SnapshotFormat format = spec::SnapshotFormat::tar) {
  return {date, format, {"https://one.example"}, "", kTreeNow};
}

KeyRing snapshot_ring() {
  KeyRing ring = ring_of({"snapshot"}, {"release"});
  ring.purpose = Purpose::snapshot;
  return ring;
}

ResolvedFile found(FakeMirrors& mirrors, const SnapshotWish& wish) {
  Warnings sink;
  const KeyRing ring = snapshot_ring();
  ResolvedFile file = resolve_tree_snapshot(wish, mirrors, &ring, sink);
  CHECK(sink.all.empty());
  return file;
}

Refusal refused(FakeMirrors& mirrors, const SnapshotWish& wish,
                const KeyRing& ring = snapshot_ring()) {
  Warnings sink;
  return refusal_of([&] { (void)resolve_tree_snapshot(wish, mirrors, &ring, sink); });
}

}  // namespace

TEST_CASE("the latest tarball gets its day from its signature, and the dated name") {
  FakeMirrors mirrors;
  const ResolvedFile file = found(mirrors, tree_wish());
  CHECK(file.name == "gentoo-20250809.tar.xz");
  CHECK(file.urls ==
        std::vector<std::string>{"https://one.example/snapshots/gentoo-20250809.tar.xz"});
  CHECK(file.stamp == "20250809");
  CHECK(file.top_directory == "gentoo-20250809");
  CHECK(file.digests.empty());
  CHECK(file.pointer_time == kSigned);
  const KeyRing ring = snapshot_ring();
  const sys::Fd fd = sys::open(openpgp_path("mirror/" + file.path), O_RDONLY);
  const Signer signer = verify_resolved(fd.get(), file, &ring);
  CHECK(signer.fingerprint == certificate_of("snapshot").primary.fingerprint);
  CHECK(signer.signed_at == kSigned);
  CHECK(mirrors.asked ==
        std::vector<std::string>{kLatestSignature, "snapshots/gentoo-20250809.tar.xz.gpgsig"});
}

TEST_CASE("while a mirror is renewed, or lacks 'latest', a dated tarball is found") {
  FakeMirrors renewed;  // 'latest' is tomorrow's already, its dated name not yet there
  renewed.with("*", kLatestSignature, openpgp_file("texts/text.release.sig"));
  CHECK(found(renewed, tree_wish()).name == "gentoo-20250809.tar.xz");
  FakeMirrors lacking;
  lacking.without(kLatestSignature);
  CHECK(found(lacking, tree_wish()).name == "gentoo-20250809.tar.xz");
  SnapshotWish late = tree_wish();
  late.now += 30 * 86400;
  CHECK(refused(lacking, late).message == "fetch snapshot 'latest': not on 'one.example' (404)");
}

TEST_CASE("a day's tarball is that day's, and no other's under its name") {
  FakeMirrors mirrors;
  CHECK(found(mirrors, tree_wish("20250808")).pointer_time == kSignedBefore);
  const Refusal gone = refused(mirrors, tree_wish("20250301"));
  CHECK(gone.message == "fetch snapshot '20250301': not on 'one.example' (404)");
  CHECK(
      gone.hint ==
      "it has no 'gentoo-20250301.tar.xz.gpgsig': mirrors keep snapshots for some weeks only; use "
      "\"latest\", or 'git' and 'rev' for any day");
  CHECK(refused(mirrors, tree_wish("20250810T165237Z")).hint == "write \"latest\" or \"YYYYMMDD\"");
  mirrors.with("*", "snapshots/gentoo-20250815.tar.xz.gpgsig",
               openpgp_file("mirror/snapshots/gentoo-20250808.tar.xz.gpgsig"));
  const Refusal replayed = refused(mirrors, tree_wish("20250815"));
  CHECK(replayed.fault == SignatureFault::something_else);
  CHECK(replayed.message ==
        "fetch snapshot '20250815' from 'one.example': verify 'gentoo-20250815.tar.xz': its "
        "signature is of 2025-08-09, which does not fit its name");
}

TEST_CASE("squashfs snapshots come with digests out of one signed list") {
  FakeMirrors mirrors;
  const auto squashfs = spec::SnapshotFormat::squashfs;
  const ResolvedFile file = found(mirrors, tree_wish("latest", squashfs));
  CHECK(file.name == "gentoo-20250809.xz.sqfs");
  CHECK(file.path == "snapshots/squashfs/gentoo-20250809.xz.sqfs");
  CHECK(file.stamp == "20250809");
  REQUIRE(file.digests.size() == 1);
  Hasher hasher(HashAlgorithm::sha512);
  hasher.update(openpgp_file("mirror/" + file.path));
  CHECK(file.digests[0] == hasher.finish());
  CHECK(file.signer.fingerprint == certificate_of("snapshot").primary.fingerprint);
  CHECK(found(mirrors, tree_wish("20250808", squashfs)).name == "gentoo-20250808.xz.sqfs");
  CHECK(refused(mirrors, tree_wish("20250301", squashfs)).code == ExitCode::input);
  mirrors.without(kSums);
  CHECK(refused(mirrors, tree_wish("latest", squashfs)).hint ==
        "the mirror has no squashfs snapshots; use format = \"tar\"");
}

TEST_CASE("a key that signs releases is none for snapshots") {
  FakeMirrors mirrors;
  KeyRing ring = ring_of({"release"}, {"snapshot"});
  ring.purpose = Purpose::snapshot;
  const Refusal refusal =
      refused(mirrors, tree_wish("latest", spec::SnapshotFormat::squashfs), ring);
  CHECK(refusal.fault == SignatureFault::unknown_key);
  CHECK(refusal.message ==
        "fetch snapshot 'latest' from 'one.example': verify 'sha512sum.txt': signed by '" +
            certificate_of("snapshot").subkeys[0].fingerprint +
            "', which is not one of Gentoo's snapshot keys (snapshot <snapshot@example.org>)");
}

TEST_CASE("a snapshot older than the lock's is refused, an old one reported") {
  FakeMirrors mirrors;
  SnapshotWish wish = tree_wish();
  wish.known_stamp = "20250820";
  CHECK(refused(mirrors, wish).message ==
        "fetch snapshot 'latest' from 'one.example': its newest, '20250809', is 11 days older than "
        "'20250820', which the lock has");
  wish = tree_wish();
  wish.now += 100 * 86400;
  Warnings sink;
  const KeyRing ring = snapshot_ring();
  CHECK(resolve_tree_snapshot(wish, mirrors, &ring, sink).stamp == "20250809");
  REQUIRE(sink.all.size() == 1);
  CHECK(
      sink.all[0].message ==
      "fetch snapshot 'latest': the newest on 'one.example', '20250809', was signed 101 days ago");
}
