// Distfiles: which are needed, taken over, fetched from a mirror's layout, missing; on mirrors
// that are directories, so that no network is asked.
#include "distfiles.h"

#include <doctest/doctest.h>

#include <string>

#include "distfile_layout.h"
#include "gbox/base/error.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;

namespace {

portage::Distfile file_of(const std::string& name, const std::string& content) {
  portage::Distfile file;
  file.name = name;
  file.size = content.size();
  for (const HashAlgorithm algorithm : {HashAlgorithm::blake2b, HashAlgorithm::sha512}) {
    Hasher hasher(algorithm);
    hasher.update(content);
    file.digests.push_back(hasher.finish());
  }
  return file;
}

portage::PlannedPackage package_of(const char* cpv, std::vector<portage::Distfile> files) {
  portage::PlannedPackage package;
  package.id.cpv = cpv;
  package.distfiles = std::move(files);
  return package;
}

struct Places {
  sys::TempDir top{"/tmp", "gbox-distfiles."};
  DistfilePlaces places;

  Places() {
    for (const char* name : {"store", "own", "mirror/distfiles", "view"})
      sys::ensure_directories(top.fd(), name);
    places.directory = top.path() + "/store";
  }
  void write(const std::string& path, const std::string& content, mode_t mode = 0644) {
    const auto slash = path.rfind('/');
    sys::ensure_directories(top.fd(), path.substr(0, slash));
    sys::write_file_atomically(top.fd(), path, content, mode, sys::Durable::no);
  }
  [[nodiscard]] std::optional<std::string> read(const std::string& path) const {
    return sys::try_read_file(top.fd(), path);
  }
  std::vector<MissingFile> fetch(const std::vector<NeededFile>& files) {
    net::Settings settings;
    settings.attempts = 1;
    settings.check_interrupt = [] {};
    return fetch_distfiles(files, places, settings);
  }
};

}  // namespace

TEST_CASE("layouts of mirrors are read in their order, unknown ones passed over") {
  const auto layouts = parse_layout(
      "# comment\n[structure]\n1=flat\n0=filename-hash BLAKE2B 8\n2=content-hash SHA512 8:8:8\n"
      "3=quantum-hash X 1\n4=filename-hash BLAKE2B 7\n[other]\n5=flat\n");
  REQUIRE(layouts.size() == 3);
  const portage::Distfile file = file_of("hello-1.0.tar", "hello");
  Hasher hasher(HashAlgorithm::blake2b);
  hasher.update("hello-1.0.tar");
  CHECK(path_in(layouts[0], file) == hasher.finish().hex().substr(0, 2) + "/hello-1.0.tar");
  CHECK(path_in(layouts[1], file) == "hello-1.0.tar");
  const std::string hex = file.digests[1].hex();
  CHECK(path_in(layouts[2], file) ==
        hex.substr(0, 2) + '/' + hex.substr(2, 2) + '/' + hex.substr(4, 2) + '/' + hex);
  portage::Distfile bare = file;
  bare.digests.clear();
  CHECK_FALSE(path_in(layouts[2], bare).has_value());
}

TEST_CASE("a mirror without a layout is flat") {
  for (const char* text : {"", "<html>", "[structure]\n0=filename-hash MD5 8\n"}) {
    CAPTURE(text);
    const auto layouts = parse_layout(text);
    REQUIRE(layouts.size() == 1);
    CHECK(layouts[0].kind == DistfileLayout::Kind::flat);
  }
}

TEST_CASE("each file is needed once, by all that fetch it; binary packages fetch none") {
  portage::EmergePlan plan;
  plan.packages = {package_of("a/one-1", {file_of("x", "1"), file_of("a", "2")}),
                   package_of("a/two-1", {file_of("x", "1")}),
                   package_of("a/three-1", {file_of("z", "3")})};
  plan.packages[1].distfiles[0].urls = {"https://second.invalid/x"};
  plan.packages[2].kind = portage::PlannedPackage::Kind::binary;
  const auto files = needed_distfiles({&plan, 1});
  REQUIRE(files.size() == 2);
  CHECK(files[0].file.name == "a");
  CHECK(files[1].owners == std::vector<std::string>{"a/one-1", "a/two-1"});
  CHECK(files[1].file.urls == std::vector<std::string>{"https://second.invalid/x"});

  plan.packages[1].distfiles = {file_of("x", "other")};
  CHECK_THROWS_WITH_AS((void)needed_distfiles({&plan, 1}),
                       doctest::Contains("'a/one-1' and 'a/two-1' mean different files by 'x'"),
                       Error);
}

TEST_CASE("a file comes from the mirror's layout and is kept from then on") {
  Places here;
  here.places.mirrors = {here.top.path() + "/mirror"};
  here.write("mirror/distfiles/layout.conf", "[structure]\n0=filename-hash BLAKE2B 8\n");
  const portage::Distfile file = file_of("hello-1.0.tar", "hello");
  here.write("mirror/distfiles/" +
                 *path_in(parse_layout("[structure]\n0=filename-hash BLAKE2B 8\n").front(), file),
             "hello");
  const std::vector<NeededFile> needed = {{file, {"a/b-1"}}};
  CHECK(missing_distfiles(needed, here.places).size() == 1);
  CHECK(here.fetch(needed).empty());
  CHECK(here.read("store/hello-1.0.tar") == "hello");
  CHECK(missing_distfiles(needed, here.places).empty());
  here.places.mirrors.clear();
  CHECK(here.fetch(needed).empty());  // nothing is asked for
}

TEST_CASE("a file of another content is replaced, and what a step sees stays") {
  Places here;
  here.places.mirrors = {here.top.path() + "/mirror"};
  here.write("mirror/distfiles/a.tar", "new");
  here.write("store/a.tar", "old");
  const std::vector<NeededFile> old = {{file_of("a.tar", "old"), {"a/b-1"}}};
  const sys::Fd view = sys::open(here.top.path() + "/view", O_RDONLY | O_DIRECTORY);
  link_distfiles(old, here.places, view.get());
  CHECK(here.fetch({{file_of("a.tar", "new"), {"a/b-2"}}}).empty());
  CHECK(here.read("store/a.tar") == "new");
  CHECK(here.read("view/a.tar") == "old");
}

TEST_CASE("files of the spec's own directory are taken over when they are the right ones") {
  Places here;
  here.places.own = here.top.path() + "/own";
  here.write("own/right.tar", "right");
  here.write("own/wrong.tar", "wrong!");
  here.write("own/closed.tar", "closed", 0600);
  const auto missing = here.fetch({{file_of("right.tar", "right"), {"a/b-1"}},
                                   {file_of("wrong.tar", "wrong?"), {"a/c-1"}},
                                   {file_of("closed.tar", "closed"), {"a/d-1"}}});
  CHECK(here.read("store/right.tar") == "right");
  CHECK(here.read("own/right.tar") == "right");
  // The portage user of a step is another than the file's owner.
  CHECK((sys::fstatat(here.top.fd(), "store/closed.tar", 0).st_mode & 0777) == 0644);
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].file.name == "wrong.tar");
  CHECK_FALSE(here.read("store/wrong.tar").has_value());
}

TEST_CASE("a step sees files of the spec's own directory that nobody took over") {
  Places here;
  here.places.own = here.top.path() + "/own";
  here.write("own/a.tar", "mine");
  here.write("store/a.tar", "another");
  const std::vector<NeededFile> needed = {{file_of("a.tar", "mine"), {"a/b-1"}}};
  CHECK(missing_distfiles(needed, here.places).empty());
  const sys::Fd view = sys::open(here.top.path() + "/view", O_RDONLY | O_DIRECTORY);
  link_distfiles(needed, here.places, view.get());
  CHECK(here.read("view/a.tar") == "mine");
  here.write("own/b.tar", "wrong");
  CHECK_THROWS_WITH_AS(
      link_distfiles(std::vector<NeededFile>{{file_of("b.tar", "right"), {"a/b-1"}}}, here.places,
                     view.get()),
      doctest::Contains("distfile 'b.tar' is no longer in"), Error);
}

TEST_CASE("links, directories and FIFOs under a file's name are no files") {
  Places here;
  here.write("own/secret", "secret");
  sys::symlinkat("../own/secret", here.top.fd(), "store/link.tar");
  sys::mkdirat(here.top.fd(), "store/directory.tar", 0755);
  REQUIRE(::mkfifo((here.top.path() + "/store/fifo.tar").c_str(), 0644) == 0);
  for (const char* name : {"link.tar", "directory.tar", "fifo.tar"}) {
    CAPTURE(name);
    const std::vector<NeededFile> needed = {{file_of(name, "secret"), {"a/b-1"}}};
    CHECK(missing_distfiles(needed, here.places).size() == 1);
  }
}

TEST_CASE("all that is missing is told at once, with who needs it and where to put it") {
  Places here;
  here.places.mirrors = {here.top.path() + "/mirror"};
  portage::Distfile shop = file_of("shop.zip", "x");
  shop.mirrors = false;
  shop.closed_urls = {"https://user:secret@shop.invalid/shop.zip"};
  portage::Distfile gone = file_of("gone.tar", "y");
  portage::Distfile unlisted = file_of("unlisted.tar", "z");
  unlisted.digests.clear();
  const auto missing = here.fetch({{shop, {"dev-db/shop-1"}},
                                   {gone, {"dev-libs/foo-1", "dev-libs/bar-1"}},
                                   {unlisted, {"a/b-1"}}});
  REQUIRE(missing.size() == 3);
  try {
    require_distfiles(missing, 7, here.places);
    FAIL("accepted");
  } catch (const Error& error) {
    CAPTURE(error.message());
    CAPTURE(error.hint());
    const auto has = [](const std::string& text, const std::string& part) {
      return text.find(part) != std::string::npos;
    };
    CHECK(error.code() == ExitCode::input);
    CHECK(has(error.message(), "fetch distfiles: 3 of 7 could not be had"));
    CHECK(has(error.message(), "'shop.zip' ('dev-db/shop-1'): it may not be fetched by programs"));
    CHECK(has(error.message(), "'gone.tar' ('dev-libs/foo-1' and 'dev-libs/bar-1'): "));
    CHECK(has(error.message(), "'unlisted.tar' ('a/b-1'): the Manifest of its package"));
    CHECK(has(error.hint(), "get 'shop.zip' (1 B) from 'https://shop.invalid/shop.zip'"));
    CHECK(has(error.hint(), "place it in '" + here.places.directory + "' (its sha512 is checked)"));
    CHECK_FALSE(has(error.hint(), "secret"));
  }
  CHECK_NOTHROW(require_distfiles({}, 7, here.places));
}

TEST_CASE("RESTRICT decides who is asked first") {
  Places here;
  here.write("mirror/distfiles/a.tar", "data");
  here.places.mirrors = {here.top.path() + "/mirror"};
  portage::Distfile file = file_of("a.tar", "data");
  file.mirrors = false;
  file.urls = {here.top.path() + "/nowhere/a.tar"};
  CHECK(here.fetch({{file, {"a/b-1"}}}).size() == 1);  // RESTRICT=mirror: only there
  file.mirrors = true;
  file.urls_first = true;
  CHECK(here.fetch({{file, {"a/b-1"}}}).empty());  // in vain there, then at the mirror
}
