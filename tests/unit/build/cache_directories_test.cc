#include "cache_directories.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "gbox/base/json.h"
#include "gbox/plan/plan.h"
#include "gbox/sys/file.h"
#include "package_index.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;
using namespace gbox::build::test;

namespace {

struct Facts : SilentObserver {
  std::vector<std::string> facts;
  void fact(std::string_view subject, std::string_view text) override {
    facts.push_back(std::string(subject) + ' ' + std::string(text));
  }
};

struct Fixture {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  Facts observer;
  store::Store store = open("store");
  std::string shared = dir.path() + "/shared";

  store::Store open(const std::string& name) {
    return store::Store::open(dir.path() + '/' + name, "0+1→1000", observer,
                              store::Purpose::inspect);
  }
  CacheDirectories reading(store::Store& into) { return {{{shared}, {}}, into, observer}; }
  CacheDirectories writing(store::Store& from) { return {{{}, {shared}}, from, observer}; }
  [[nodiscard]] bool exists(const std::string& path) const {
    return sys::try_fstatat(AT_FDCWD, shared + '/' + path, AT_SYMLINK_NOFOLLOW).has_value();
  }
};

std::string place_of(const std::string& name) {
  return "app-misc/" + name + '/' + name + "-1-1.gpkg.tar";
}

store::Package keep(store::Store& store, const std::string& name, std::string_view content) {
  store::Package package;
  package.cpv = "app-misc/" + name + "-1";
  package.parts = Json::array(
      {Json::array({"kind", "package"}), Json::array({"package", {{"cpv", package.cpv}}})});
  package.key = plan::key_of(package.parts);
  package.step = "tools/app-misc/" + name;
  package.phase = "tools";
  package.path = place_of(name);
  const store::Work work = store.begin_step(package.step);
  const std::string file = name + "-1-1.gpkg.tar";
  sys::write_file_atomically(work.fs_fd(), file, content, 0600, sys::Durable::no);
  return store.put_package(work.fs_fd(), file, std::move(package));
}

std::string refusal(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const Error& error) {
    return error.message();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("a build leaves what it asked for, and another takes what it asks for and lacks") {
  Fixture f;
  const store::Package one = keep(f.store, "one", "1");
  const store::Package two = keep(f.store, "two", "22");
  const store::Package other = keep(f.store, "other", "333");
  {
    CacheDirectories caches = f.writing(f.store);
    caches.used({one.key});
    caches.bring("tools", {one.key, two.key, sha256("never made").hex()});
    caches.write();
  }
  CHECK(f.exists(place_of("one")));
  CHECK(f.exists(place_of("two")));
  CHECK_FALSE(f.exists(place_of("other")));
  CHECK(parse_package_index(sys::read_file(f.shared + "/Packages")).entries.empty());
  CHECK(f.observer.facts.back() ==
        "cache 2 packages (3 B) written to '" + f.shared + "', 0 were there");

  store::Store fresh = f.open("fresh");
  CacheDirectories caches = f.reading(fresh);
  CHECK(caches.find(one.key) == f.shared);
  CHECK_FALSE(caches.find(other.key));
  caches.bring("tools", {two.key, other.key});
  CHECK(f.observer.facts.back() == "cache tools: 1 package (2 B) from '" + f.shared + "'");
  CHECK(fresh.packages().size() == 1);
  REQUIRE(fresh.find_package(two.key));
  CHECK(fresh.verify_package(*fresh.find_package(two.key)));
  const std::size_t told = f.observer.facts.size();
  caches.bring("again", {two.key});
  CHECK(f.observer.facts.size() == told);
  CHECK(f.observer.warnings.empty());
}

TEST_CASE("what is there already is not written again, not even by another build of it") {
  Fixture f;
  const store::Package made = keep(f.store, "one", "first build");
  const auto leave = [&](store::Store& store) {
    CacheDirectories caches = f.writing(store);
    caches.used({made.key});
    caches.write();
  };
  leave(f.store);
  const auto before = sys::fstatat(AT_FDCWD, f.shared + '/' + place_of("one"), 0);
  store::Store second = f.open("second");
  keep(second, "one", "second build");
  leave(second);
  const auto after = sys::fstatat(AT_FDCWD, f.shared + '/' + place_of("one"), 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(f.observer.facts.back() ==
        "cache 0 packages (0 B) written to '" + f.shared + "', 1 were there");
}

TEST_CASE("what is damaged is warned of, built, and written anew") {
  Fixture f;
  const store::Package made = keep(f.store, "one", "sound");
  {
    CacheDirectories caches = f.writing(f.store);
    caches.used({made.key});
    caches.write();
  }
  sys::write_file_atomically(AT_FDCWD, f.shared + '/' + place_of("one"), "soond");
  store::Store other = f.open("other");
  CacheDirectories caches({{f.shared}, {f.shared}}, other, f.observer);
  caches.bring("tools", {made.key});
  REQUIRE(f.observer.warnings.size() == 1);
  CHECK(f.observer.warnings[0].message.find("is not taken: its SHA-256 is") != std::string::npos);
  CHECK_FALSE(other.find_package(made.key));
  keep(other, "one", "sound");
  caches.write();
  CHECK(sys::read_file(f.shared + '/' + place_of("one")) == "sound");
}

TEST_CASE("facts that are hostile or of another package are warned of and cost nothing else") {
  Fixture f;
  const store::Package one = keep(f.store, "one", "1");
  const store::Package two = keep(f.store, "two", "2");
  const store::Package three = keep(f.store, "three", "3");
  CacheDirectories written = f.writing(f.store);
  written.used({one.key, two.key, three.key});
  written.write();
  const std::string facts = f.shared + "/gbox-packages/";
  sys::write_file_atomically(AT_FDCWD, facts + one.key + ".json",
                             sys::read_file(facts + two.key + ".json"));
  sys::unlinkat(AT_FDCWD, f.shared + '/' + place_of("two"), 0);
  sys::symlinkat("/etc/passwd", AT_FDCWD, f.shared + '/' + place_of("two"));
  store::Store fresh = f.open("fresh");
  CacheDirectories caches = f.reading(fresh);
  caches.bring("tools", {one.key, two.key, three.key});
  REQUIRE(f.observer.warnings.size() == 2);
  CHECK(f.observer.warnings[0].message.find("it is of key") != std::string::npos);
  CHECK(f.observer.warnings[1].message.find("a symbolic link is in the way") != std::string::npos);
  CHECK(fresh.packages().size() == 1);
  CHECK(fresh.find_package(three.key));
}

TEST_CASE("the first directory that has a sound one serves it") {
  Fixture f;
  const store::Package made = keep(f.store, "one", "sound");
  const std::string damaged = f.dir.path() + "/damaged";
  CacheDirectories both({{}, {damaged, f.shared}}, f.store, f.observer);
  both.used({made.key});
  both.write();
  sys::write_file_atomically(AT_FDCWD, damaged + '/' + place_of("one"), "soond");
  store::Store fresh = f.open("fresh");
  CacheDirectories caches({{damaged, f.shared}, {}}, fresh, f.observer);
  caches.bring("tools", {made.key});
  CHECK(fresh.find_package(made.key));
  CHECK(f.observer.warnings.size() == 1);
}

TEST_CASE("a directory that is not there yet is a calm line, a mistaken one an error") {
  Fixture f;
  CHECK(f.reading(f.store).find(sha256("x").hex()) == std::nullopt);
  CHECK(f.observer.facts.back() == "cache '" + f.shared + "' is not there yet");
  sys::ensure_directories(AT_FDCWD, f.shared);
  f.reading(f.store).bring("tools", {sha256("x").hex()});
  CHECK(f.observer.facts.back() == "cache '" + f.shared + "' has no packages yet");
  CHECK(f.observer.warnings.empty());
  sys::write_file_atomically(AT_FDCWD, f.dir.path() + "/file", "x");
  const std::string file = f.dir.path() + "/file";
  const std::string store = f.dir.path() + "/store";
  CHECK(refusal([&] {
          CacheDirectories({{file}, {}}, f.store, f.observer);
        }) == "--cache-from: '" + file + "' is not a directory");
  CHECK(refusal([&] {
          CacheDirectories({{}, {file}}, f.store, f.observer);
        }) == "--cache-to: '" + file + "' is not a directory");
  CHECK(refusal([&] {
          CacheDirectories({{store}, {}}, f.store, f.observer);
        }) == "--cache-from: '" + store + "' is a store, no directory of packages");
  CHECK(refusal([&] {
          CacheDirectories({{}, {store}}, f.store, f.observer);
        }) == "--cache-to: '" + store + "' is a store, no directory of packages");
  CHECK(refusal([&] {
          CacheDirectories({{}, {file + "/below"}}, f.store, f.observer);
        }).starts_with("--cache-to: "));
}
