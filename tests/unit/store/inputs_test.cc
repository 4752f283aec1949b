#include "fixture.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

void put(const Fixture& f, const std::string& path, const std::string& text) {
  sys::write_file_atomically(f.store.fd(), path, text, 0600);
}

}  // namespace

TEST_CASE("an incoming file becomes an input under its digest") {
  Fixture f;
  CHECK_FALSE(f.store.open_input(sha256("text")));
  put(f, "incoming/a.tar", "text");
  f.store.adopt_input("a.tar", sha256("text"));
  CHECK(f.names("incoming").empty());
  const auto fd = f.store.open_input(sha256("text"));
  REQUIRE(fd);
  CHECK(sys::fstat(fd->get()).st_size == 4);
}

TEST_CASE("names that lead out of incoming/, links and absent files are no inputs") {
  Fixture f;
  for (const char* name : {"", "../x", "a/b", ".hidden"})
    CHECK_THROWS_AS(f.store.adopt_input(name, sha256("x")), Error);
  CHECK_THROWS_AS(f.store.adopt_input("absent", sha256("x")), Error);
  REQUIRE(::symlink("/etc/passwd", (f.path() + "/incoming/link").c_str()) == 0);
  CHECK_THROWS_AS(f.store.adopt_input("link", sha256("x")), Error);
  REQUIRE(::symlink("/etc/passwd", (f.path() + "/inputs/" + sha256("x").hex()).c_str()) == 0);
  CHECK_FALSE(f.store.open_input(sha256("x")));
}

TEST_CASE("inputs count as used space and go before records, the longest unused first") {
  Fixture f;
  const Record record = run_step(f.store, "base", {}, "text");
  put(f, "inputs/" + std::string(64, 'a'), std::string(100000, 'x'));
  put(f, "distfiles/b.tar", std::string(100000, 'x'));
  sys::ensure_directories(f.store.fd(), "binpkgs/host/cat", 0755);
  put(f, "binpkgs/host/cat/c.gpkg.tar", std::string(100000, 'x'));
  CHECK(f.store.disk_usage().inputs == 3);
  CHECK(f.store.disk_usage().inputs_bytes >= 300000);
  set_used(f.path() + "/distfiles/b.tar", 1000);
  GcPolicy policy;
  policy.max_bytes = f.store.disk_usage().total_bytes() - 1;
  CHECK(f.store.collect_garbage(policy).inputs == 1);
  CHECK(f.names("distfiles").empty());
  CHECK(f.names("inputs").size() == 1);
  CHECK(f.store.peek_record(record.key));
  policy.max_bytes.reset();
  policy.unused_for = std::chrono::hours(24);
  set_used(f.path() + "/inputs/" + std::string(64, 'a'), 1000);
  CHECK(f.store.collect_garbage(policy).inputs == 1);
  CHECK(f.store.disk_usage().inputs == 1);
}

TEST_CASE("what was never verified goes when it is old") {
  Fixture f;
  put(f, "incoming/young", "x");
  put(f, "incoming/old", "x");
  set_used(f.path() + "/incoming/old", 1000);
  f.store.collect_garbage({});
  CHECK(f.names("incoming") == std::vector<std::string>{"young"});
}
