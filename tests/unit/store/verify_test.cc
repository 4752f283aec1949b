#include <algorithm>

#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

constexpr const char* kPhpFile = "php-8.3.1-1.gpkg.tar";

Package keep(Store& store, std::string_view what, std::string_view content) {
  Package package;
  package.key = key_of(what);
  package.spec = "demo";
  package.step = "php/dev-lang/php";
  package.phase = "php";
  package.cpv = "dev-lang/" + std::string(what);
  package.parts = Json::array({Json::array({"use", "fpm"})});
  package.path = std::string("dev-lang/php/") + kPhpFile;
  const Work work = store.begin_step(package.step);
  sys::write_file_atomically(work.fs_fd(), kPhpFile, content, 0600, sys::Durable::no);
  return store.put_package(work.fs_fd(), kPhpFile, std::move(package));
}

Digest put_input(Store& store, std::string_view text) {
  sys::write_file_atomically(store.fd(), "incoming/x", text, 0600);
  store.adopt_input("x", sha256(text));
  return sha256(text);
}

VerifyResult verify(Store& store) {
  return store.verify([](std::uint64_t, std::uint64_t) {});
}

}  // namespace

TEST_CASE("a sound store is read as a whole and stays as it is") {
  Fixture f;
  CHECK(verify(f.store).bytes == 0);
  const Package package = keep(f.store, "php-8.3.1", "gpkg");
  const Digest blob = put_blob(f.store, "layer");
  const Digest input = put_input(f.store, "stage3 of gentoo");
  std::vector<std::uint64_t> seen;
  std::uint64_t in_all = 0;
  const VerifyResult result = f.store.verify([&](std::uint64_t done, std::uint64_t total) {
    seen.push_back(done);
    in_all = total;
  });
  CHECK(result.packages == 1);
  CHECK(result.blobs == 1);
  CHECK(result.inputs == 1);
  CHECK(result.bytes == 4 + 5 + 16);
  CHECK(result.damaged.empty());
  CHECK(in_all == result.bytes);
  CHECK(seen.front() == 0);
  CHECK(seen.back() == in_all);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(f.store.find_package(package.key));
  CHECK(f.store.has_blob(blob));
  CHECK(f.store.open_input(input));
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("what is damaged is named and dropped, and only that") {
  Fixture f;
  const Package changed = keep(f.store, "php-8.3.1", "gpkg");
  const Package torn = keep(f.store, "php-8.3.2", "gpkg");
  const Package sound = keep(f.store, "php-8.3.3", "gpkg");
  const Digest blob = put_blob(f.store, "layer");
  const Digest good_blob = put_blob(f.store, "layer 2");
  const Digest input = put_input(f.store, "stage3");
  const Digest good_input = put_input(f.store, "stage3 too");
  sys::write_file_atomically(AT_FDCWD, f.store.package_file(changed), "gpkX");
  REQUIRE(::truncate(f.store.package_file(torn).c_str(), 1) == 0);
  sys::write_file_atomically(AT_FDCWD, f.store.blob_path(blob), "laver");
  sys::write_file_atomically(AT_FDCWD, f.path() + "/inputs/" + input.hex(), "stage4");
  // Neither a link nor a directory nor another name is what the store has written.
  sys::symlinkat("/etc/passwd", f.store.fd(), "inputs/" + key_of("link"));
  sys::ensure_directories(f.store.fd(), "blobs/sha256/" + key_of("directory") + "/x");
  sys::write_file_atomically(f.store.fd(), "inputs/odd", "odd");

  const VerifyResult result = verify(f.store);
  CHECK(result.packages == 3);
  CHECK(result.blobs == 3);
  CHECK(result.inputs == 4);
  std::vector<std::string> said;
  for (const Damaged& each : result.damaged) said.push_back(each.kind + ' ' + each.name);
  std::sort(said.begin(), said.end());
  std::vector<std::string> wanted = {
      "blob " + blob.hex().substr(0, 12),
      "blob " + key_of("directory").substr(0, 12),
      "input " + input.hex().substr(0, 12),
      "input " + key_of("link").substr(0, 12),
      "input odd",
      "package " + torn.key.substr(0, 12),
      "package dev-lang/php-8.3.1",
  };
  std::sort(wanted.begin(), wanted.end());
  CHECK(said == wanted);
  for (const Damaged& each : result.damaged) CHECK_FALSE(each.why.empty());

  CHECK(f.names("packages") == std::vector<std::string>{sound.key});
  CHECK(f.names("blobs/sha256") == std::vector<std::string>{good_blob.hex()});
  CHECK(f.names("inputs") == std::vector<std::string>{good_input.hex()});
  CHECK(f.names("work").empty());
  CHECK(sys::try_fstatat(AT_FDCWD, "/etc/passwd", 0).has_value());
  CHECK(verify(f.store).damaged.empty());
  keep(f.store, "php-8.3.1", "gpkg");
  CHECK(f.store.find_package(changed.key));
}

TEST_CASE("whoever watches can end it, and nothing is dropped unread") {
  Fixture f;
  const Package package = keep(f.store, "php-8.3.1", "gpkg");
  CHECK_THROWS_AS(
      f.store.verify([](std::uint64_t, std::uint64_t) -> void { throw Interrupted(SIGINT); }),
      Interrupted);
  CHECK_THROWS_AS(f.store.verify([](std::uint64_t done, std::uint64_t) -> void {
    if (done != 0) throw Interrupted(SIGINT);
  }),
                  Interrupted);
  CHECK(f.store.find_package(package.key));
}

TEST_CASE("source archives and packages of hosts are held against what they hashed to") {
  Fixture f;
  const auto fetch = [&](const std::string& path, const std::string& text) {
    sys::ensure_directories(f.store.fd(), path.substr(0, path.rfind('/')));
    sys::write_file_atomically(f.store.fd(), path, text);
    Hasher hasher(HashAlgorithm::blake2b);
    hasher.update(text);
    f.store.note_digest(path, hasher.finish());
  };
  fetch("distfiles/php-8.tar.xz", "source");
  fetch("distfiles/other.tar", "other");
  fetch("binpkgs/ab/app-misc/foo-1.gpkg.tar", "package");
  sys::write_file_atomically(f.store.fd(), "distfiles/by-hand.tar", "nobody knows its digest");
  VerifyResult result = verify(f.store);
  CHECK(result.distfiles == 2);
  CHECK(result.host_packages == 1);
  CHECK(result.bytes == 18);
  CHECK(result.damaged.empty());
  sys::write_file_atomically(f.store.fd(), "distfiles/php-8.tar.xz", "sourcf");
  sys::write_file_atomically(f.store.fd(), "binpkgs/ab/app-misc/foo-1.gpkg.tar", "");
  sys::unlinkat(f.store.fd(), "distfiles/other.tar", 0);
  result = verify(f.store);
  REQUIRE(result.damaged.size() == 2);
  std::sort(result.damaged.begin(), result.damaged.end(),
            [](const Damaged& a, const Damaged& b) { return a.kind < b.kind; });
  CHECK(result.damaged[0].kind == "distfile");
  CHECK(result.damaged[0].name == "php-8.tar.xz");
  CHECK(result.damaged[0].why.starts_with("its BLAKE2b is "));
  CHECK(result.damaged[1].kind == "host package");
  CHECK(result.damaged[1].name == "foo-1.gpkg.tar");
  CHECK_FALSE(f.exists("distfiles/php-8.tar.xz"));
  CHECK(f.exists("distfiles/by-hand.tar"));
  // What is gone is no longer known.
  CHECK(f.names("digests").empty());
  // Another content under the same name: the later digest counts.
  fetch("distfiles/php-8.tar.xz", "source");
  fetch("distfiles/php-8.tar.xz", "another source");
  CHECK(verify(f.store).damaged.empty());
  sys::write_file_atomically(f.store.fd(), "digests/" + f.names("digests").front(), "{");
  CHECK(verify(f.store).distfiles == 0);
}
