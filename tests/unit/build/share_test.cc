#include "gbox/build/share.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>

#include "gbox/base/json.h"
#include "gbox/plan/plan.h"
#include "gbox/sys/file.h"
#include "package_index.h"
#include "shared_directory.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;
using namespace gbox::build::test;

namespace {

const std::string kFile = "php-8.3.1-1.gpkg.tar";
const std::string kPlace = "dev-lang/php/" + kFile;

struct ShareFixture {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  SilentObserver observer;
  store::Store store = open("store");
  std::string shared = dir.path() + "/shared";

  store::Store open(const std::string& name) {
    return store::Store::open(dir.path() + '/' + name, "0+1→1000", observer,
                              store::Purpose::inspect);
  }
  ShareResult give(const std::vector<std::string>& steps = {}) {
    return export_packages(store, shared, steps, observer);
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    return sys::read_file(shared + '/' + path);
  }
};

store::Package package_of(const std::string& use) {
  store::Package package;
  package.cpv = "dev-lang/php-8.3.1";
  package.parts = Json::array(
      {Json::array({"kind", "package"}),
       Json::array({"package", {{"cpv", package.cpv}, {"repository", "gentoo"}}}),
       Json::array({"use", use}),
       Json::array({"variables", {{"ARCH", "amd64"}, {"CHOST", "x86_64-pc-linux-gnu"}}})});
  package.key = plan::key_of(package.parts);
  package.spec = "demo";
  package.step = "php/dev-lang/php";
  package.phase = "php";
  package.path = kPlace;
  package.stanza = "BUILD_ID: 1\nCPV: dev-lang/php-8.3.1\nMTIME: 1700000000\nPATH: " + kPlace +
                   "\nSIZE: 4\nUSE: " + use + "\n";
  package.seconds = 2.5;
  return package;
}

store::Package keep(store::Store& store, store::Package package, std::string_view content) {
  const store::Work work = store.begin_step(package.step);
  sys::write_file_atomically(work.fs_fd(), kFile, content, 0600, sys::Durable::no);
  return store.put_package(work.fs_fd(), kFile, std::move(package));
}

std::string facts_of(const store::Package& package) {
  return "gbox-packages/" + package.key + ".json";
}

}  // namespace

TEST_CASE("packages go through a directory into another store, as they were") {
  ShareFixture f;
  const store::Package made = keep(f.store, package_of("fpm"), "gpkg");
  const ShareResult given = f.give();
  CHECK(given.written == 1);
  CHECK(given.bytes == 4);
  CHECK(f.text(kPlace) == "gpkg");
  const struct stat status = sys::fstatat(AT_FDCWD, f.shared + '/' + kPlace, AT_SYMLINK_NOFOLLOW);
  CHECK(status.st_mtime == 1700000000);
  CHECK(status.st_nlink == 1);  // the store's own file is nobody else's
  CHECK((status.st_mode & 07777) == 0644);
  const PackageIndex index = parse_package_index(f.text("Packages"));
  CHECK(field(index.header, "ARCH") == "amd64");
  CHECK(field(index.header, "PACKAGES") == "1");
  CHECK(field(index.header, "VERSION") == "0");
  CHECK_FALSE(field(index.header, "TIMESTAMP").empty());
  REQUIRE(index.entries.size() == 1);
  CHECK(field(index.entries[0], "PATH") == kPlace);
  CHECK(field(index.entries[0], "MTIME") == "1700000000");
  CHECK(field(index.entries[0], "CHOST") == "x86_64-pc-linux-gnu");

  store::Store other = f.open("other");
  const ShareResult taken = import_packages(other, f.shared, f.observer);
  CHECK(taken.written == 1);
  CHECK(taken.bytes == 4);
  const auto found = other.find_package(made.key);
  REQUIRE(found);
  CHECK(found->parts == made.parts);
  CHECK(found->cpv == made.cpv);
  CHECK(found->spec == made.spec);
  CHECK(found->step == made.step);
  CHECK(found->phase == made.phase);
  CHECK(found->path == made.path);
  CHECK(found->file == made.file);
  CHECK(found->stanza == made.stanza);
  CHECK(found->seconds == made.seconds);
  CHECK(other.verify_package(*found));
  const ShareResult again = import_packages(other, f.shared, f.observer);
  CHECK(again.written == 0);
  CHECK(again.already == 1);
  CHECK(f.observer.warnings.empty());
}

TEST_CASE("only what is new is written, and what was lost is written again") {
  ShareFixture f;
  const store::Package made = keep(f.store, package_of("fpm"), "gpkg");
  f.give();
  const auto inode = [&](const std::string& path) {
    return sys::fstatat(AT_FDCWD, f.shared + '/' + path, AT_SYMLINK_NOFOLLOW).st_ino;
  };
  const auto file = inode(kPlace);
  const auto index = inode("Packages");
  ShareResult result = f.give();
  CHECK(result.written == 0);
  CHECK(result.already == 1);
  CHECK(inode("Packages") == index);
  keep(f.store, package_of("cli"), "other");
  CHECK(f.give().written == 1);
  CHECK(inode(kPlace) == file);
  CHECK(parse_package_index(f.text("Packages")).entries.size() == 2);
  sys::unlinkat(AT_FDCWD, f.shared + '/' + kPlace, 0);
  CHECK(f.give().written == 1);
  CHECK(f.text(kPlace) == "gpkg");
  // Killed between the file and what is told of it, or in the middle of a file.
  sys::unlinkat(AT_FDCWD, f.shared + '/' + facts_of(made), 0);
  sys::write_file_atomically(AT_FDCWD, f.shared + "/gbox-packages/.unfinished-1", "gp");
  CHECK(f.give().written == 1);
  const SharedPackage shared = parse_shared_facts(f.text(facts_of(made)), made.key + ".json");
  CHECK(shared.place == kPlace);
  CHECK_FALSE(sys::try_fstatat(AT_FDCWD, f.shared + "/gbox-packages/.unfinished-1", 0));
}

TEST_CASE("another build of a version gets the next number, also beside files of others") {
  ShareFixture f;
  sys::ensure_directories(AT_FDCWD, f.shared + "/dev-lang/php");
  sys::write_file_atomically(AT_FDCWD, f.shared + "/" + kPlace, "theirs");
  sys::write_file_atomically(AT_FDCWD, f.shared + "/Packages",
                             "CHOST: x\n\nCPV: dev-lang/php-8.3.1\nPATH: " + kPlace +
                                 "\n\nCPV: a/gone-1\nPATH: a/gone-1.xpak\n");
  const store::Package first = keep(f.store, package_of("fpm"), "gpkg");
  const store::Package second = keep(f.store, package_of("cli"), "other");
  CHECK(f.give().written == 2);
  CHECK(f.text(kPlace) == "theirs");
  std::vector<std::string> places;
  for (const store::Package& each : {first, second})
    places.push_back(parse_shared_facts(f.text(facts_of(each)), each.key + ".json").place);
  const PackageIndex index = parse_package_index(f.text("Packages"));
  CHECK(field(index.header, "CHOST") == "x");
  REQUIRE(index.entries.size() == 3);
  for (const IndexFields& entry : index.entries) {
    const std::string path = field(entry, "PATH");
    if (path == kPlace) continue;
    CHECK(std::find(places.begin(), places.end(), path) != places.end());
    CHECK(path == "dev-lang/php/php-8.3.1-" + field(entry, "BUILD_ID") + ".gpkg.tar");
  }
  CHECK(places[0] != places[1]);
  store::Store other = f.open("other");
  CHECK(import_packages(other, f.shared, f.observer).written == 2);
  CHECK(other.find_package(second.key)->path == kPlace);
}

TEST_CASE("steps choose what is exported, and unknown ones are refused") {
  ShareFixture f;
  keep(f.store, package_of("fpm"), "gpkg");
  for (const char* name : {"php", "php/dev-lang/php", "dev-lang/php", "dev-lang/php-8.3.1"})
    CHECK(f.give({name}).written + f.give({name}).already > 0);
  try {
    f.give({"php", "phq"});
    FAIL_CHECK("accepted");
  } catch (const Error& error) {
    CHECK(error.message().find("no package of a step 'phq'") != std::string::npos);
    CHECK(error.hint() == "did you mean 'php'?");
    CHECK(error.code() == ExitCode::usage);
  }
}

TEST_CASE("a package that is damaged in the store is not exported, but dropped") {
  ShareFixture f;
  const store::Package made = keep(f.store, package_of("fpm"), "gpkg");
  sys::write_file_atomically(AT_FDCWD, f.store.package_file(made), "gpkX");
  const ShareResult result = f.give();
  CHECK(result.written == 0);
  CHECK(result.refused == 1);
  REQUIRE(f.observer.warnings.size() == 1);
  CHECK(f.observer.warnings[0].message.find("it is damaged in the store") != std::string::npos);
  CHECK_FALSE(sys::try_fstatat(AT_FDCWD, f.shared + '/' + kPlace, AT_SYMLINK_NOFOLLOW));
  CHECK_FALSE(f.store.find_package(made.key));
}

TEST_CASE("whatever is not what an export writes is refused, and nothing else") {
  struct Row {
    const char* what;
    std::function<void(ShareFixture&, const store::Package&)> change;
    const char* said;
  };
  const auto edited = [](const std::function<void(Json&)>& change) {
    return [change](ShareFixture& f, const store::Package& package) {
      Json json = parse_json(f.text(facts_of(package)), "facts");
      change(json);
      sys::write_file_atomically(AT_FDCWD, f.shared + '/' + facts_of(package), json.dump());
    };
  };
  const auto set = [&](const char* name, const Json& value) {
    return edited([=](Json& json) { json[name] = value; });
  };
  const auto facts = [](const std::string& text) {
    return [text](ShareFixture& f, const store::Package& package) {
      sys::write_file_atomically(AT_FDCWD, f.shared + '/' + facts_of(package), text);
    };
  };
  const auto replace = [](const std::string& target, const std::string& link) {
    return [=](ShareFixture& f, const store::Package& package) {
      const std::string path = f.shared + '/' + (target.empty() ? facts_of(package) : target);
      sys::write_file_atomically(AT_FDCWD, f.dir.path() + "/outside", sys::read_file(path));
      sys::remove_tree(AT_FDCWD, path);
      sys::symlinkat(link.empty() ? f.dir.path() + "/outside" : link, AT_FDCWD, path);
    };
  };
  const std::string deep = std::string(100'000, '[');
  for (const Row& row : std::vector<Row>{
           {"no JSON", facts("{"), "not valid json"},
           {"deep JSON", facts(deep), ""},
           {"huge JSON", facts(std::string(5 << 20, ' ')), "more than 4.0 MiB"},
           {"another format", set("format", "x"), "another format"},
           {"a later version", set("version", 2), "version 2 is not known"},
           {"a key of others", set("key", std::string(64, 'a')), "it is of key"},
           {"other parts", set("parts", Json::array()), "its key is not that of its parts"},
           {"another package", set("cpv", "dev-lang/perl-5"), "its parts are not those of"},
           {"a path that climbs", set("path", "dev-lang/../../" + kFile), "'..'"},
           {"a place that climbs", set("place", "dev-lang/../../" + kFile), "'..'"},
           {"an absolute place", set("place", "/dev-lang/php/" + kFile), "is no place"},
           {"a place of others", set("place", "app-misc/php/" + kFile), "is no place of"},
           {"a place of no package", set("place", "dev-lang/php/php-8.3.1.sh"), "is no place of"},
           {"an entry of others", set("stanza", "CPV: a/b-1\n"), "its entry for the index is of"},
           {"two entries", set("stanza", "CPV: dev-lang/php-8.3.1\n\nCPV: a/b-1\n"),
            "more than one"},
           {"a long entry", set("stanza", std::string(300 << 10, 'x')), "takes 300.0 KiB"},
           {"no digest", set("sha256", "12"), ""},
           {"another digest", set("sha256", sha256("x").hex()), "its SHA-256 is"},
           {"another size", set("size_bytes", 5), "it has 4 bytes instead of 5"},
           {"a size of oceans", set("size_bytes", 1ull << 60), "more than 64.0 GiB"},
           {"other bytes",
            [](ShareFixture&f, const store::Package&) {
              sys::write_file_atomically(AT_FDCWD, f.shared + '/' + kPlace, "gpkX");
            },
            "its SHA-256 is"},
           {"a lost file",
            [](ShareFixture&f, const store::Package&) {
              sys::unlinkat(AT_FDCWD, f.shared + '/' + kPlace, 0);
            },
            "it is gone"},
           {"a fifo as the file",
            [](ShareFixture&f, const store::Package&) {
              sys::unlinkat(AT_FDCWD, f.shared + '/' + kPlace, 0);
              REQUIRE(::mkfifo((f.shared + '/' + kPlace).c_str(), 0600) == 0);
            },
            "it is not a file"},
           {"a link as the file", replace(kPlace, ""), "a symbolic link is in the way"},
           {"a link as the facts", replace("", ""), "a symbolic link is in the way"},
           {"a link as a directory",
            [](ShareFixture&f, const store::Package&) {
              sys::renameat(AT_FDCWD, f.shared + "/dev-lang", AT_FDCWD, f.dir.path() + "/moved");
              sys::symlinkat(f.dir.path() + "/moved", AT_FDCWD, f.shared + "/dev-lang");
            },
            "a symbolic link is in the way"},
       }) {
    CAPTURE(row.what);
    ShareFixture f;
    const store::Package made = keep(f.store, package_of("fpm"), "gpkg");
    f.give();
    row.change(f, made);
    {
      // The sound one comes all the same; exporting beside the odd one harms neither.
      store::Store second = f.open("second");
      keep(second, package_of("sound"), "other");
      if (std::string(row.what) == "a link as a directory")
        CHECK(export_packages(second, f.shared, {}, f.observer).refused == 1);
      else
        CHECK(export_packages(second, f.shared, {}, f.observer).written == 1);
    }
    f.observer.warnings.clear();
    store::Store other = f.open("other");
    const ShareResult result = import_packages(other, f.shared, f.observer);
    const bool blocked = std::string(row.what) == "a link as a directory";
    CHECK(result.refused == 1);
    CHECK(result.written == (blocked ? 0 : 1));
    REQUIRE(f.observer.warnings.size() == 1);
    CAPTURE(f.observer.warnings[0].message);
    CHECK(f.observer.warnings[0].message.find(row.said) != std::string::npos);
    CHECK_FALSE(other.find_package(made.key));
    CHECK(other.packages().size() == result.written);
    const sys::Fd work = sys::openat(other.fd(), "work", O_RDONLY | O_DIRECTORY);
    CHECK(sys::list_directory(work.get(), "work").empty());
  }
}

TEST_CASE("a directory that is none, and one without packages") {
  ShareFixture f;
  CHECK_THROWS_AS(import_packages(f.store, f.dir.path() + "/absent", f.observer), Error);
  sys::ensure_directories(AT_FDCWD, f.shared);
  CHECK(import_packages(f.store, f.shared, f.observer).written == 0);
  const ShareResult none = f.give();
  CHECK(none.written == 0);
  CHECK(parse_package_index(f.text("Packages")).entries.empty());
}
