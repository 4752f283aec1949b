#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

TEST_CASE("a memo holds for the state it was put with, and for its subject") {
  Fixture fixture;
  CHECK_FALSE(fixture.store.find_memo("subject", "state"));
  fixture.store.put_memo("subject", "state", "value");
  CHECK(fixture.store.find_memo("subject", "state") == "value");
  CHECK_FALSE(fixture.store.find_memo("subject", "other"));
  CHECK_FALSE(fixture.store.find_memo("other", "state"));
  fixture.store.put_memo("subject", "other", "newer");
  CHECK(fixture.store.find_memo("subject", "other") == "newer");
  CHECK_FALSE(fixture.store.find_memo("subject", "state"));
  CHECK(fixture.open().find_memo("subject", "other") == "newer");
}

TEST_CASE("a damaged memo is none, and is put anew") {
  Fixture fixture;
  fixture.store.put_memo("subject", "state", "value");
  const std::string path = fixture.path() + "/memo/" + fixture.names("memo").front();
  const std::string good = sys::read_file(path);
  for (const std::string& damaged :
       {std::string(), good.substr(0, good.size() / 2), std::string("{}"), std::string("[1]"),
        std::string("{\"version\": 2}"), std::string(100, '\0')}) {
    sys::write_file_atomically(AT_FDCWD, path, damaged);
    CHECK_FALSE(fixture.store.find_memo("subject", "state"));
  }
  fixture.store.put_memo("subject", "state", "value");
  CHECK(fixture.store.find_memo("subject", "state") == "value");
}

TEST_CASE("gc drops memos that nobody asked for in a long time") {
  Fixture fixture;
  fixture.store.put_memo("old", "state", "value");
  GcPolicy policy;
  CHECK(fixture.store.collect_garbage(policy).busy.empty());
  CHECK(fixture.names("memo").size() == 1);
  policy.now = 4'000'000'000;
  CHECK(fixture.store.collect_garbage(policy).busy.empty());
  CHECK(fixture.names("memo").empty());
}
