#include "gbox/content/normal.h"

#include <doctest/doctest.h>

#include "../tree.h"
#include "bzip2.h"
#include "normal_files.h"

using namespace gbox;
using namespace gbox::content;

namespace {

constexpr std::int64_t kEpoch = 1'700'000'000;
constexpr std::int64_t kOld = 1'600'000'000;
constexpr std::int64_t kNow = 1'790'000'000;
using SeenKind = Seen::Kind;

std::string le32(std::uint32_t value) {
  std::string bytes;
  for (unsigned i = 0; i < 4; ++i)
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  return bytes;
}

std::string bytecode(std::uint32_t flags, std::uint32_t time) {
  return "\xa7\x0d\r\n" + le32(flags) + le32(time) + le32(7) + "code";
}

// A root in which a package was built and merged at `made`.
struct NormalRoot : test::Tree {
  explicit NormalRoot(std::int64_t made) {
    directory("usr/lib").link("lib", "usr/lib");
    file("usr/lib/x.pyc", bytecode(0, static_cast<std::uint32_t>(made)));
    const std::string time = std::to_string(made);
    contents = "dir /lib\nobj /lib/a b 5d41402abc4b2a76b9719d911017c592 " + time +
               "\nobj /lib/old 00 1600000000\nsym /lib/s -> a b " + time +
               "\nobj /lib/changed.gz 77 " + time + "\n";
    file("var/db/pkg/dev-libs/x-1/CONTENTS", contents);
    file("var/db/pkg/dev-libs/x-1/USE", "amd64 gd\n");
    owners = Owners::read(fd());
  }
  std::string contents;
  Owners owners;
};

}  // namespace

TEST_CASE("what is older than the epoch keeps its time, and a package's files get one of its own") {
  const NormalRoot root(kNow);
  const Normalizer normal(root.fd(), root.owners, kEpoch);
  const std::int64_t stamp = time_of_package(root.owners.packages().front());
  CHECK(stamp >= kTimeBase);
  CHECK(stamp < kTimeBase + (1 << 28));
  CHECK(normal.time_of("usr/lib/a b", SeenKind::file, kOld) == kOld);
  CHECK(normal.time_of("usr/lib/a b", SeenKind::file, kEpoch) == kEpoch);
  CHECK(normal.time_of("usr/lib/a b", SeenKind::file, kNow) == stamp);
  CHECK(normal.time_of("usr/lib/s", SeenKind::link, kNow) == stamp);
  CHECK(normal.time_of("usr/lib/s", SeenKind::link, kOld) == stamp);
  CHECK(normal.time_of("usr/lib/nobody's", SeenKind::link, kOld) == kOld);
  CHECK(normal.time_of("usr/lib/nobody's", SeenKind::link, kNow) == kEpoch);
  CHECK(normal.time_of("var/db/pkg/dev-libs/x-1/USE", SeenKind::file, kNow) == stamp);
  CHECK(normal.time_of("var/db/pkg/dev-libs/x-1", SeenKind::directory, kOld) == stamp);
  CHECK(normal.time_of("usr/lib/nobody's", SeenKind::file, kNow) == kEpoch);
  CHECK(normal.time_of("usr/lib", SeenKind::directory, kOld) == kTimeBase);
  CHECK(normal.time_of("usr/lib", SeenKind::directory, kNow) == kTimeBase);
  // Nothing is later than an epoch that somebody chose.
  const Normalizer early(root.fd(), root.owners, 86400);
  CHECK(early.time_of("usr/lib/a b", SeenKind::file, kNow) == 86400);
  CHECK(early.time_of("usr/lib", SeenKind::directory, kOld) == 86400);
}

TEST_CASE("a package's time follows from what it installed and not from when") {
  const auto stamp = [](const NormalRoot& root) {
    return time_of_package(root.owners.packages().front());
  };
  CHECK(stamp(NormalRoot(kNow)) == stamp(NormalRoot(kNow + 5)));
  NormalRoot other(kNow);
  other.file("var/db/pkg/dev-libs/x-1/USE", "amd64\n");
  other.owners = Owners::read(other.fd());
  CHECK(stamp(other) != stamp(NormalRoot(kNow)));
  NormalRoot changed(kNow);
  changed.file("var/db/pkg/dev-libs/x-1/CONTENTS",
               "obj /lib/a b 7d41402abc4b2a76b9719d911017c592 1\n");
  changed.owners = Owners::read(changed.fd());
  CHECK(stamp(changed) != stamp(NormalRoot(kNow)));
}

TEST_CASE("CONTENTS has the times that the files are shown with") {
  const NormalRoot root(kNow);
  const Normalizer normal(root.fd(), root.owners, kEpoch);
  const std::string stamp = std::to_string(time_of_package(root.owners.packages().front()));
  CHECK(normal.rewritten("var/db/pkg/dev-libs/x-1/CONTENTS", root.contents) ==
        "dir /lib\nobj /lib/a b 5d41402abc4b2a76b9719d911017c592 " + stamp +
            "\nobj /lib/old 00 1600000000\nsym /lib/s -> a b " + stamp +
            "\nobj /lib/changed.gz 77 " + stamp + "\n");
}

TEST_CASE(
    "CONTENTS has the digest of a file that is shown otherwise, unless it was changed before") {
  const NormalRoot root(kNow);
  const Normalizer normal(root.fd(), root.owners, kEpoch);
  const auto shown = [&](const std::string& line) {
    return normal.rewritten("var/db/pkg/dev-libs/x-1/CONTENTS", line);
  };
  // As md5sum tells them, of the file with either time.
  CHECK(shown("obj /lib/x.pyc f40af7803e245b788374c78bc216cfe3 1") ==
        "obj /lib/x.pyc 74dbdd8a25c307b4456b4a91101fbd23 1");
  CHECK(shown("obj /lib/x.pyc 9d44cb56ce2ed7dbbd8b8dbd6f4a3d7c 1") ==
        "obj /lib/x.pyc 9d44cb56ce2ed7dbbd8b8dbd6f4a3d7c 1");
}

TEST_CASE("the VDB's own times and numbers follow from the package") {
  const NormalRoot root(kNow);
  const Normalizer normal(root.fd(), root.owners, kEpoch);
  const std::string stamp = std::to_string(time_of_package(root.owners.packages().front()));
  const std::string counter = std::to_string(counter_of_package("dev-libs/x-1"));
  CHECK(normal.rewritten("var/db/pkg/dev-libs/x-1/BUILD_TIME", "1790000000\n") == stamp + '\n');
  CHECK(normal.rewritten("var/db/pkg/dev-libs/x-1/BUILD_TIME", "1600000000\n") == "1600000000\n");
  CHECK(normal.rewritten("var/db/pkg/dev-libs/x-1/COUNTER", "38") == counter);
  CHECK(normal.rewritten("var/db/pkg/dev-libs/x-1/BUILD_ID", "1") == "1\n");
  CHECK(normal.rewritten("var/db/pkg/dev-libs/x-1/metadata",
                         "#format=1\nBUILD_TIME=1790000000\nCOUNTER=38\nSLOT=0\n"
                         "#dir_mtime=1795362305725736415\n") ==
        "#format=1\nBUILD_TIME=" + stamp + "\nCOUNTER=" + counter +
            "\nSLOT=0\n#dir_mtime=" + stamp + "000000000\n");
  CHECK(counter_of_package("dev-libs/x-1") != counter_of_package("dev-libs/x-2"));
  CHECK(counter_of_package("dev-libs/x-1") > 0);
}

TEST_CASE("what tells only of the making is left out") {
  for (const char* path :
       {"var/log/emerge.log", "var/log/emerge-fetch.log", "var/log/portage/build/x.log",
        "var/cache/edb/mtimedb", "var/cache/edb/dep", "var/cache/ldconfig/aux-cache",
        "var/db/pkg/dev-libs/x-1/BINPKGMD5", "var/db/pkg/.lock.portage_lockfile"})
    CHECK_MESSAGE(Normalizer::leaves_out(path), path);
  for (const char* path :
       {"var/log", "var/log/nginx/access.log", "var/cache/edb", "var/log/portage",
        "var/db/pkg/dev-libs/x-1/CONTENTS", "srv/var/log/emerge.log", "etc/BINPKGMD5"})
    CHECK_MESSAGE(!Normalizer::leaves_out(path), path);
}

TEST_CASE("bytecode keeps to the time that its source is shown with") {
  const NormalRoot root(kNow);
  const Normalizer normal(root.fd(), root.owners, kEpoch);
  const std::string path = "usr/lib/__pycache__/m.cpython-311.opt-1.pyc";
  CHECK(source_of_bytecode(path) == "usr/lib/m.py");
  CHECK(source_of_bytecode("usr/lib/m.pyc") == "usr/lib/m.py");
  CHECK(normal.rewritten(path, bytecode(0, 1'790'000'000)) == bytecode(0, kEpoch));
  CHECK(normal.rewritten(path, bytecode(0, 1'600'000'000)) == bytecode(0, 1'600'000'000));
  // By its source's hash: no time in it.
  CHECK(normal.rewritten(path, bytecode(3, 1'790'000'000)) == bytecode(3, 1'790'000'000));
  CHECK(normal.rewritten(path, "short") == "short");
}

TEST_CASE("times inside compressed files and archives are shown as the file's") {
  const TimeRule rule = [](std::int64_t own) { return std::min<std::int64_t>(own, 1000); };
  std::string gzip =
      "\x1f\x8b\x08" + std::string(1, '\0') + le32(5000) + "\x02\x03rest of the stream";
  rewrite_gzip(gzip, rule);
  CHECK(gzip.substr(4, 4) == le32(1000));
  std::string none = "\x1f\x8b\x08" + std::string(5, '\0') + "\x02\x03rest of the stream";
  const std::string before = none;
  rewrite_gzip(none, [](std::int64_t) { return 1000; });
  CHECK(none == before);

  const auto member = [](const char* time) {
    return std::string("a.o/            ") + time + "0     0     100644  3         `\nabc\n";
  };
  std::string archive = "!<arch>\n" + member("5000        ") + member("500         ");
  rewrite_archive(archive, rule);
  CHECK(archive == "!<arch>\n" + member("1000        ") + member("500         "));
  std::string cut = "!<arch>\na.o/            5000        0     0     100644  99999     `\nabc";
  const std::string cut_before = cut;
  rewrite_archive(cut, rule);
  CHECK(cut == cut_before);
}

TEST_CASE("the day of a password's last change is no later than the epoch") {
  std::string shadow = "root:*:10770:0:::::\njoe:!:20770:0:99999:7:::\nodd::\n";
  rewrite_shadow(shadow, [](std::int64_t own) { return std::min(own, kEpoch); });
  CHECK(shadow == "root:*:10770:0:::::\njoe:!:19675:0:99999:7:::\nodd::\n");
}

TEST_CASE("the environment of a build loses what is of its machine and moment") {
  const std::string text =
      "declare -x A=\"\"\ndeclare -x MAKEOPTS=\"-j2\ndeclare -x C=no\"\ndeclare -x D=\"it's\"\n"
      "declare -- f\ndeclare -- RANDOM=\"5\"\nf () \n{ \n    declare -x MAKEOPTS=\"inner\"\n}\n";
  const auto packed = try_bzip2(text);
  REQUIRE(packed);
  std::string content = *packed;
  rewrite_environment(content);
  CHECK(try_bunzip2(content, 1000) ==
        "declare -x A=\"\"\ndeclare -x D=\"it's\"\nf () \n{ \n    declare -x "
        "MAKEOPTS=\"inner\"\n}\n");
  std::string rubbish = "BZh9 rubbish";
  rewrite_environment(rubbish);
  CHECK(rubbish == "BZh9 rubbish");
  CHECK(try_bunzip2(*packed, 10) == std::nullopt);
}

TEST_CASE("lists without an order are sorted, and preserved libraries numbered by package") {
  std::string world = "b\na\n\nb\n";
  rewrite_sorted(world);
  CHECK(world == "a\nb\n");
  std::string registry = R"({"dev-libs/x:0": ["dev-libs/x-1", "38", ["/lib/x.so"]]})";
  rewrite_registry(registry, [](std::string_view cpv) { return cpv == "dev-libs/x-1" ? 5u : 6u; });
  CHECK(registry == R"({"dev-libs/x:0":["dev-libs/x-1","5",["/lib/x.so"]]})");
  std::string empty = "{}\n";
  rewrite_registry(empty, [](std::string_view) { return 1u; });
  CHECK(empty == "{}\n");
}
