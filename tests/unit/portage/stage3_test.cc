#include "gbox/portage/stage3.h"

#include <doctest/doctest.h>

#include "fake_mirror.h"
#include "gbox/net/transfer.h"

using namespace gbox;
using namespace gbox::portage;
using namespace gbox::test;

namespace {

constexpr char kStamp[] = "20250810T165237Z";
constexpr char kOld[] = "20250803T165237Z";
constexpr std::int64_t kNow = 1754931600;  // 2025-08-11 17:00 UTC
constexpr std::int64_t kDay = 86400;

const std::string kBuilds = "releases/amd64/autobuilds/";
const std::string kPointer = kBuilds + "latest-stage3-amd64-openrc.txt";
const std::string kFile = "stage3-amd64-openrc-20250810T165237Z.tar.xz";
const std::string kPath = kBuilds + kStamp + '/' + kFile;
const std::string kOldFile = "stage3-amd64-openrc-20250803T165237Z.tar.xz";
const std::string kOldPath = kBuilds + kOld + '/' + kOldFile;

Stage3Wish wish_of(const std::string& variant = "openrc", const std::string& date = "latest") {
  return {"amd64", variant, date, {"https://one.example/gentoo"}, "", kNow};
}

// What is found, or refused, and what was warned of.
struct Answer {
  ResolvedFile file;
  Refusal refusal;
  std::vector<Warning> warnings;
};
Answer ask(FakeMirrors& mirrors, const Stage3Wish& wish,
           const KeyRing& ring = ring_of({"release"}, {"snapshot"})) {
  Answer answer;
  Warnings sink;
  answer.refusal = refusal_of([&] { answer.file = resolve_stage3(wish, mirrors, &ring, sink); });
  answer.warnings = sink.all;
  return answer;
}
Answer ask(const Stage3Wish& wish) {
  FakeMirrors mirrors;
  return ask(mirrors, wish);
}

}  // namespace

TEST_CASE("names of stage3 archives have one form") {
  const auto name = parse_stage3_name("stage3-amd64-nomultilib-openrc-20260816T164558Z.tar.xz");
  REQUIRE(name);
  CHECK(name->rest == "amd64-nomultilib-openrc");
  CHECK(name->stamp == "20260816T164558Z");
  CHECK(name->ending == "xz");
  CHECK(parse_stage3_name("stage3-hppa2.0-systemd-20260816T164558Z.tar.zst"));
  for (const char* other :
       {"stage3-amd64-openrc-20260816T164558Z.tar.exe", "stage4-amd64-20260816T164558Z.tar.xz",
        "stage3-../x-20260816T164558Z.tar.xz", "stage3-a..b-20260816T164558Z.tar.xz",
        "stage3-amd64-openrc-20261316T164558Z.tar.xz", "stage3-amd64-openrc-2026.tar.xz",
        "stage3-amd64-openrc-20260816.tar.xz", "stage3--20260816T164558Z.tar.xz",
        "stage3-amd64 x-20260816T164558Z.tar.xz", "stage3-20260816T164558Z.tar.xz", ""})
    CHECK_MESSAGE(!parse_stage3_name(other), other);
}

TEST_CASE("a pointer's lines are read with and without size, and others left out") {
  const Stage3Pointer pointer = parse_stage3_pointer(
      "# Latest as of Sun\n# ts=1754845200\n"
      "20250810T165237Z/stage3-amd64-openrc-20250810T165237Z.tar.xz 296110884\n"
      "20250810T165237Z/stage3-x32-openrc-20250810T165237Z.tar.xz\n"
      "20250810T165237Z/install-amd64-minimal-20250810T165237Z.iso 1\n"
      "20250809T165237Z/stage3-amd64-systemd-20250810T165237Z.tar.xz 1\n"
      "../20250810T165237Z/stage3-amd64-systemd-20250810T165237Z.tar.xz 1\n"
      "20250810T165237Z/stage3-amd64-musl-20250810T165237Z.tar.xz many\n"
      "20250810T165237Z/stage3-amd64-musl-20250810T165237Z.tar.xz 1 2\n",
      "amd64");
  CHECK(pointer.time == 1754845200);
  REQUIRE(pointer.candidates.size() == 2);
  CHECK(pointer.candidates[0].variant == "openrc");
  CHECK(pointer.candidates[0].size == 296110884);
  CHECK(pointer.candidates[1].variant == "x32-openrc");
  CHECK_FALSE(pointer.candidates[1].size);
}

TEST_CASE("stamps are days and times that exist") {
  CHECK(stamp_time("20250810") == 1754784000);
  CHECK(stamp_time("20250810T165237Z") == 1754784000 + 16 * 3600 + 52 * 60 + 37);
  for (const char* other : {"20250230", "2025081", "20250810T256199Z", "20250810T165237", "latest",
                            "2025-8-1", "-0250810", ""})
    CHECK_MESSAGE(!stamp_time(other), other);
}

TEST_CASE("a variant is taken as people write it, and said how to write") {
  CHECK(read_variant("nomultilib-openrc", "amd64").variant == "nomultilib-openrc");
  CHECK(read_variant("nomultilib-openrc", "amd64").hint.empty());
  for (const char* text : {"stage3-amd64-openrc", "amd64-openrc", "stage3-openrc"}) {
    const VariantWish wish = read_variant(text, "amd64");
    CHECK(wish.variant == "openrc");
    CHECK(wish.hint == "write stage3 = \"openrc\"");
  }
  CHECK(read_variant("i686-openrc", "x86").variant == "i686-openrc");
  const Refusal other = refusal_of([] { (void)read_variant("stage3-arm64-openrc", "amd64"); });
  CHECK(other.message ==
        "stage3 'stage3-arm64-openrc' is of architecture 'arm64', the base of 'amd64'");
  CHECK(other.hint == "write arch = \"arm64\" beside stage3 = \"openrc\"");
  CHECK(other.code == ExitCode::usage);
  for (const char* text : {"", "../x", "a/b", "stage3-", "open rc"})
    CHECK(refusal_of([&] { (void)read_variant(text, "amd64"); }).hint ==
          "such as 'openrc', 'systemd' or 'nomultilib-openrc'");
}

TEST_CASE("latest is what the signed pointer names, with the digests that are signed beside it") {
  FakeMirrors mirrors;
  Stage3Wish wish = wish_of();
  wish.mirrors.push_back("/local/mirror");
  const Answer answer = ask(mirrors, wish);
  REQUIRE(answer.refusal.message == "no error");
  const ResolvedFile& file = answer.file;
  CHECK(file.name == kFile);
  CHECK(file.path == kPath);
  CHECK(file.urls ==
        std::vector<std::string>{"https://one.example/gentoo/" + kPath, "/local/mirror/" + kPath});
  CHECK(file.size == 55);
  CHECK(file.stamp == kStamp);
  CHECK(file.pointer_time == 1754845200);
  CHECK(file.signer.fingerprint == certificate_of("release").primary.fingerprint);
  CHECK(file.signer.signed_at == 1754845200);
  CHECK(file.signature.empty());
  const std::string content = openpgp_file("mirror/" + kPath);
  REQUIRE(file.digests.size() == 3);  // BLAKE2b and SHA-512 of the one list, SHA-256 of the other
  for (const Digest& digest : file.digests) {
    Hasher hasher(digest.algorithm());
    hasher.update(content);
    CHECK(hasher.finish() == digest);
  }
  CHECK(answer.warnings.empty());
  CHECK(mirrors.asked == std::vector<std::string>{kPointer, kPath + ".DIGESTS", kPath + ".sha256"});
}

TEST_CASE("a variant the mirror lacks lists what it has, nearest first") {
  struct Row {
    std::string variant;
    std::string hint;
  };
  const Row rows[] = {
      {"nomultilib",
       "did you mean 'nomultilib-openrc'? it has 'nomultilib-openrc', 'nomultilib-systemd', "
       "'musl-llvm', 'openrc', 'systemd' and 'x32-openrc'"},
      {"sytemd",
       "did you mean 'systemd'? it has 'systemd', 'musl-llvm', 'nomultilib-openrc', "
       "'nomultilib-systemd', 'openrc' and 'x32-openrc'"},
      {"desktop",
       "it has 'musl-llvm', 'nomultilib-openrc', 'nomultilib-systemd', 'openrc', 'systemd' and "
       "'x32-openrc'"},
  };
  for (const Row& row : rows) {
    const Refusal refusal = ask(wish_of(row.variant)).refusal;
    CHECK(refusal.message == "the mirror has no stage3 '" + row.variant + "'");
    CHECK(refusal.hint == row.hint);
    CHECK(refusal.code == ExitCode::usage);
  }
}

TEST_CASE("a date is found by its stamp, or by its day in the mirror's list") {
  CHECK(ask(wish_of("openrc", "20250810")).file.name == kFile);
  FakeMirrors named;
  const Answer whole = ask(named, wish_of("openrc", kOld));
  CHECK(whole.file.name == kOldFile);
  CHECK(named.asked == std::vector<std::string>{kOldPath + ".DIGESTS", kOldPath + ".sha256"});
  FakeMirrors listed;
  listed.with("*", kBuilds, "<a href=\"20250803T165237Z/\">20250803T165237Z/</a> 20250803 x");
  CHECK(ask(listed, wish_of("openrc", "20250803")).file.name == kOldFile);
}

TEST_CASE("a date that has left the mirror names what is there") {
  for (const char* date : {"20250301", "20250301T170321Z"}) {
    const Refusal refusal = ask(wish_of("openrc", date)).refusal;
    CHECK(refusal.message ==
          std::string("fetch stage3 'openrc' of '") + date + "': not on 'one.example' (404)");
    CHECK(refusal.hint ==
          "mirrors keep a stage3 for some weeks only: write date = \"20250810T165237Z\" or "
          "\"latest\" into the spec and run again; an older one may be a file of yours: 'tarball'");
    CHECK(refusal.code == ExitCode::input);
  }
  Stage3Wish wish = wish_of("openrc", "20250301");
  wish.mirrors = {"https://one.example", "https://two.example", "https://three.example"};
  CHECK(ask(wish).refusal.message ==
        "fetch stage3 'openrc' of '20250301': not on any of 3 mirrors (404)");
  CHECK(ask(wish_of("openrc", "2025-03-01")).refusal.hint ==
        "write \"latest\", \"YYYYMMDD\" or \"YYYYMMDDTHHMMSSZ\"");
}

TEST_CASE("without DIGESTS the .sha256 serves, then the signature of the file itself") {
  FakeMirrors mirrors;
  mirrors.without(kPath + ".DIGESTS");
  Answer answer = ask(mirrors, wish_of());
  REQUIRE(answer.file.digests.size() == 1);
  CHECK(answer.file.digests[0].algorithm() == HashAlgorithm::sha256);
  // Unsigned is as good as not there.
  mirrors.with("*", kPath + ".DIGESTS", "# SHA512 HASH\n" + std::string(128, 'a') + "  " + kFile);
  mirrors.without(kPath + ".sha256");
  answer = ask(mirrors, wish_of());
  CHECK(answer.file.digests.empty());
  CHECK(answer.file.signature == openpgp_file("mirror/" + kPath + ".asc"));
  CHECK(answer.file.signer == Signer());
  const KeyRing ring = ring_of({"release"});
  const sys::Fd fd = sys::open(openpgp_path("mirror/" + kPath), O_RDONLY);
  CHECK(verify_resolved(fd.get(), answer.file, &ring).signed_at == 1754845200);
  const sys::Fd other = sys::open(openpgp_path("mirror/" + kOldPath), O_RDONLY);
  CHECK(refusal_of([&] { (void)verify_resolved(other.get(), answer.file, &ring); }).fault ==
        SignatureFault::bad);
  // An old file with its own, good signature under a new name.
  answer.file.stamp = "20250901T165237Z";
  CHECK(refusal_of([&] { (void)verify_resolved(fd.get(), answer.file, &ring); }).message ==
        "verify '" + kFile + "': it was signed on 2025-08-10, which does not fit its name");
  mirrors.without(kPath + ".asc");
  CHECK(ask(mirrors, wish_of()).refusal.hint ==
        "the mirror has neither DIGESTS, .sha256 nor .asc for '" + kFile +
            "', or they are not signed; try another mirror");
}

TEST_CASE("beside DIGESTS a .sha256 may be missing or unsigned, but not signed wrongly") {
  const auto algorithms = [](std::optional<std::string> sums) {
    FakeMirrors mirrors;
    mirrors.with("*", kPath + ".sha256", std::move(sums));
    std::string names;
    for (const Digest& digest : ask(mirrors, wish_of()).file.digests)
      names += std::string(digest.algorithm_name()) + ' ';
    return names;
  };
  CHECK(algorithms(openpgp_file("mirror/" + kPath + ".sha256")) == "blake2b sha512 sha256 ");
  CHECK(algorithms(std::nullopt) == "blake2b sha512 ");
  CHECK(algorithms(std::string(64, 'a') + "  " + kFile + '\n') == "blake2b sha512 ");
  FakeMirrors swapped;
  swapped.with("*", kPath + ".sha256", openpgp_file("mirror/" + kOldPath + ".sha256"));
  CHECK(ask(swapped, wish_of()).refusal.message ==
        "fetch stage3 'openrc' from 'one.example': verify '" + kFile + "': '" + kFile +
            ".sha256' does not name it");
  std::string changed = openpgp_file("mirror/" + kPath + ".sha256");
  changed[changed.find("\n613e") + 1] = '7';
  FakeMirrors damaged;
  damaged.with("*", kPath + ".sha256", changed);
  CHECK(ask(damaged, wish_of()).refusal.fault == SignatureFault::bad);
}

TEST_CASE("with verification off, a .sha256 may be one bare line") {
  FakeMirrors mirrors;
  mirrors.without(kPath + ".DIGESTS");
  mirrors.with("*", kPath + ".sha256", std::string(64, 'a') + "  " + kFile + '\n');
  Warnings sink;
  CHECK(resolve_stage3(wish_of(), mirrors, nullptr, sink).digests ==
        std::vector{Digest(HashAlgorithm::sha256, std::string(64, 'a'))});
}

TEST_CASE("what is signed over something else is refused, whoever signed it") {
  const std::string other_list = openpgp_file("mirror/" + kOldPath + ".DIGESTS");
  FakeMirrors swapped;
  swapped.with("*", kPath + ".DIGESTS", other_list);
  Answer answer = ask(swapped, wish_of());
  CHECK(answer.refusal.fault == SignatureFault::something_else);
  CHECK(answer.refusal.message == "fetch stage3 'openrc' from 'one.example': verify '" + kFile +
                                      "': '" + kFile + ".DIGESTS' does not name it");
  CHECK(answer.refusal.hint ==
        "the mirror gives the digests of something else; try another mirror");
  FakeMirrors pointer;
  pointer.with("*", kBuilds + "latest-stage3-amd64-systemd.txt",
               openpgp_file("mirror/" + kPointer));
  answer = ask(pointer, wish_of("systemd"));
  CHECK(answer.refusal.fault == SignatureFault::something_else);
  CHECK(answer.refusal.message ==
        "fetch stage3 'systemd' from 'one.example': read 'latest-stage3-amd64-systemd.txt': it "
        "names 'openrc', not 'systemd'");
}

TEST_CASE("a mirror that lies is named, and the next one is asked") {
  std::string changed = openpgp_file("mirror/" + kPointer);
  changed.replace(changed.find(" 55"), 3, " 66");
  FakeMirrors mirrors;
  mirrors.with("https://one.example/gentoo", kPointer, changed).down("https://down.example");
  Stage3Wish wish = wish_of();
  wish.mirrors = {"https://down.example", "https://one.example/gentoo", "https://two.example"};
  Answer answer = ask(mirrors, wish);
  CHECK(answer.file.urls.at(0) == "https://two.example/" + kPath);
  REQUIRE(answer.warnings.size() == 2);
  CHECK(answer.warnings[0].message ==
        "fetch stage3 'openrc' from 'down.example': connect to 'down.example': no answer");
  CHECK(answer.warnings[1].message ==
        "fetch stage3 'openrc' from 'one.example': verify 'latest-stage3-amd64-openrc.txt': the "
        "signature by '" +
            certificate_of("release").subkeys[0].fingerprint + "' is not one of this content");
  wish.mirrors.pop_back();
  answer = ask(mirrors, wish);
  CHECK(answer.refusal.fault == SignatureFault::bad);
  CHECK(answer.warnings.size() == 1);
}

TEST_CASE("an old signed pointer is reported with its age, one older than the lock refused") {
  Stage3Wish wish = wish_of();
  wish.now = kNow + 60 * kDay;
  Answer answer = ask(wish);
  CHECK(answer.file.name == kFile);
  REQUIRE(answer.warnings.size() == 1);
  CHECK(answer.warnings[0].message ==
        "fetch stage3 'openrc': the newest on 'one.example', '20250810T165237Z', was signed 61 "
        "days ago");
  CHECK(answer.warnings[0].hint ==
        "the mirror stands still, or an old pointer is replayed; another mirror may have a newer "
        "one");
  wish = wish_of();
  wish.known_stamp = "20250910T165237Z";
  answer = ask(wish);
  CHECK(answer.refusal.message ==
        "fetch stage3 'openrc' from 'one.example': its newest, '20250810T165237Z', is 31 days "
        "older than '20250910T165237Z', which the lock has");
  CHECK(answer.refusal.hint ==
        "use another mirror; to go back on purpose, give that date in the spec");
  wish.date = kStamp;  // on purpose
  CHECK(ask(wish).file.name == kFile);
  wish.date = "latest";
  wish.known_stamp = kStamp;
  CHECK(ask(wish).file.name == kFile);
}

TEST_CASE("with verification off everything is taken; reading the spec has warned of that") {
  FakeMirrors mirrors;
  mirrors.with("*", kPath + ".DIGESTS", "# SHA512 HASH\n" + std::string(128, 'a') + "  " + kFile);
  mirrors.without(kPath + ".sha256");
  Warnings sink;
  const ResolvedFile file = resolve_stage3(wish_of(), mirrors, nullptr, sink);
  CHECK(file.digests == std::vector{Digest(HashAlgorithm::sha512, std::string(128, 'a'))});
  CHECK(file.signer == Signer());
  CHECK(sink.all.empty());
}

TEST_CASE("a variant as it stands in a file's name is taken with a remark") {
  const Answer answer = ask(wish_of("stage3-amd64-openrc"));
  CHECK(answer.file.name == kFile);
  REQUIRE(answer.warnings.size() == 1);
  CHECK(answer.warnings[0].message == "stage3 'stage3-amd64-openrc' is taken as 'openrc'");
  CHECK(answer.warnings[0].hint == "write stage3 = \"openrc\"");
}

TEST_CASE("a mirror may be a directory") {
  const net::Settings settings;
  NetDownloader directory(settings);
  Warnings sink;
  const KeyRing ring = ring_of({"release"});
  Stage3Wish wish = wish_of();
  wish.mirrors = {openpgp_path("mirror")};
  const ResolvedFile file = resolve_stage3(wish, directory, &ring, sink);
  CHECK(file.urls == std::vector<std::string>{openpgp_path("mirror/" + kPath)});
  CHECK(file.digests.size() == 3);
  wish.date = "20250301";
  CHECK(refusal_of([&] { (void)resolve_stage3(wish, directory, &ring, sink); }).message ==
        "fetch stage3 'openrc' of '20250301': not on '" + openpgp_path("mirror") + "' (404)");
  CHECK(sink.all.empty());
}
