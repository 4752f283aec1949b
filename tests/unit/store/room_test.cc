#include "../../../src/store/uses.h"
#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

constexpr std::size_t kBig = 400 << 10;

Record big_step(Store& store, const std::string& step, std::vector<std::string> parents = {}) {
  Work work = store.begin_step(step, parents.empty() ? std::string() : parents.back());
  sys::write_file_atomically(work.fs_fd(), "made-by-" + step, std::string(kBig, 'x'), 0644,
                             sys::Durable::no);
  return store.publish(std::move(work), record_of(step, std::move(parents)));
}

Package big_package(Store& store, const std::string& name) {
  const Work work = store.begin_step(name);
  const std::string file = name + "-1.gpkg.tar";
  sys::write_file_atomically(work.fs_fd(), file, std::string(kBig, 'p'), 0644, sys::Durable::no);
  Package package;
  package.key = key_of("package " + name);
  package.step = name;
  package.cpv = "app-misc/" + name + "-1";
  package.path = "app-misc/" + name + '/' + file;
  package.parts = Json::array();
  return store.put_package(work.fs_fd(), file, std::move(package));
}

// What was made by a process that has ended.
template <class Make>
void earlier(const Fixture& f, Make make) {
  Warnings warnings;
  Store store = Store::open(f.path(), kMap, warnings, Purpose::inspect);
  make(store);
}

constexpr std::uint64_t kib(std::uint64_t count) {
  return count << 10;
}

}  // namespace

TEST_CASE("a limit removes what was used least recently, while builds run") {
  Fixture f;
  Record old, young;
  earlier(f, [&](Store& store) {
    old = big_step(store, "old");
    young = big_step(store, "young");
  });
  set_used(f, old, 1000);
  set_used(f, young, 2000);
  const sys::FileLock lease = f.store.lease("a build");
  f.store.set_limit(kib(1000));
  const Record mine = big_step(f.store, "mine");
  CHECK_FALSE(f.store.peek_record(old.key));
  CHECK(f.store.peek_record(young.key));
  CHECK(f.store.peek_record(mine.key));
  CHECK(f.names("snapshots").size() == 2);
  CHECK(f.store.disk_usage().total_bytes() <= kib(1000));
  CHECK(f.store.freed_for_limit() > kib(390));
  CHECK(f.names("work").empty());
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("what this build uses stays, and one warning tells that it is too much") {
  Fixture f;
  Record base, world;
  Package package;
  earlier(f, [&](Store& store) {
    base = big_step(store, "base");
    world = big_step(store, "world", {base.snapshot});
    package = big_package(store, "tool");
  });
  for (const Record& record : {base, world}) set_used(f, record, 1000);
  f.store.set_limit(kib(300));
  REQUIRE(f.store.find_record(world.key));
  REQUIRE(f.store.find_package(package.key));
  const Record mine = big_step(f.store, "mine", {base.snapshot, world.snapshot});
  f.store.keep_limit(Measure::now);
  for (const Record& record : {base, world, mine}) CHECK(f.store.peek_record(record.key));
  CHECK(f.store.peek_package(package.key));
  REQUIRE(f.warnings.messages.size() == 1);
  CHECK(f.warnings.messages[0].find("more than the limit of 300.0 KiB") != std::string::npos);
}

TEST_CASE("what another build uses stays until that has ended") {
  Fixture f;
  Record used, unused;
  Package package;
  earlier(f, [&](Store& store) {
    used = big_step(store, "used");
    unused = big_step(store, "unused");
    package = big_package(store, "tool");
  });
  Sitter other([&](const std::function<void()>& sit) {
    Warnings warnings;
    Store store = Store::open(f.path(), kMap, warnings, Purpose::inspect);
    const sys::FileLock lease = store.lease("another build");
    if (!store.find_record(used.key) || !store.find_package(package.key)) ::_exit(1);
    sit();
  });
  f.store.set_limit(kib(10));
  f.store.keep_limit(Measure::now);
  CHECK(f.store.peek_record(used.key));
  CHECK(f.store.peek_package(package.key));
  CHECK_FALSE(f.store.peek_record(unused.key));
  other.kill();
  f.store.keep_limit(Measure::now);
  CHECK_FALSE(f.store.peek_record(used.key));
  CHECK_FALSE(f.store.peek_package(package.key));
}

TEST_CASE("what is mounted by path and what is kept by name stays") {
  Fixture f;
  Record mounted, other;
  Package package;
  earlier(f, [&](Store& store) {
    mounted = big_step(store, "mounted");
    other = big_step(store, "other");
    package = big_package(store, "tool");
    for (const char* name : {"distfiles/kept.tar", "distfiles/other.tar"})
      sys::write_file_atomically(store.fd(), name, std::string(kBig, 'd'));
  });
  (void)f.store.snapshot_path(mounted.snapshot);
  f.store.keep({"packages/" + package.key, "distfiles/kept.tar"});
  f.store.set_limit(kib(10));
  f.store.keep_limit(Measure::now);
  CHECK(f.store.peek_record(mounted.key));
  CHECK_FALSE(f.store.peek_record(other.key));
  CHECK(f.store.peek_package(package.key));
  CHECK(f.names("distfiles") == std::vector<std::string>{"kept.tar"});
}

TEST_CASE("the parts of a snapshot that is used free nothing, and stay; else they go after it") {
  Fixture f;
  Record part, whole;
  earlier(f, [&](Store& store) {
    part = big_step(store, "part");
    Work work = store.begin_step("whole");
    sys::linkat(AT_FDCWD, f.path() + "/snapshots/" + part.snapshot + "/fs/made-by-part",
                work.fs_fd(), "made-by-part");
    sys::write_file_atomically(work.fs_fd(), "own", std::string(50 << 10, 'o'));
    Record record = record_of("whole");
    record.made_of = {part.snapshot};
    whole = store.publish(std::move(work), std::move(record));
  });
  CHECK(whole.size_bytes < kib(100));
  set_used(f, part, 1000);
  set_used(f, whole, 2000);
  {
    Store store = f.open();
    store.set_limit(kib(100));
    REQUIRE(store.find_record(whole.key));
    store.keep_limit(Measure::now);
    CHECK(store.peek_record(whole.key));
    CHECK(store.peek_record(part.key));
  }
  set_used(f, whole, 2000);
  const std::uint64_t all = f.store.disk_usage().total_bytes();
  f.store.set_limit(all - 1);
  f.store.keep_limit(Measure::now);
  CHECK_FALSE(f.store.peek_record(whole.key));
  CHECK(f.store.peek_record(part.key));
}

TEST_CASE("a failed step goes like anything else, but not the one of this build") {
  Fixture f;
  const auto fail = [](Store& store, const std::string& step) {
    Work work = store.begin_step(step);
    sys::write_file_atomically(work.fs_fd(), "half", std::string(kBig, 'h'));
    FailedStep failed;
    failed.step = step;
    store.keep_failed(std::move(work), failed);
  };
  earlier(f, [&](Store& store) { fail(store, "earlier"); });
  fail(f.store, "mine");
  f.store.set_limit(kib(10));
  f.store.keep_limit(Measure::now);
  CHECK_FALSE(f.store.find_failed("earlier"));
  CHECK(f.store.find_failed("mine"));
}

TEST_CASE("snapshots without a record go, but not one that another process is publishing") {
  Fixture f;
  Record lost;
  earlier(f, [&](Store& store) { lost = big_step(store, "lost"); });
  f.store.forget_record(lost.key);
  Sitter other([&](const std::function<void()>& sit) {
    Warnings warnings;
    Store store = Store::open(f.path(), kMap, warnings, Purpose::inspect);
    const Record mine = big_step(store, "publishing");
    store.forget_record(mine.key);  // as good as not written yet
    sit();
  });
  f.store.set_limit(kib(10));
  f.store.keep_limit(Measure::now);
  CHECK_FALSE(f.store.has_snapshot(lost.snapshot));
  CHECK(f.names("snapshots").size() == 1);
}

TEST_CASE("a blob that was committed is there for the image, whatever the limit") {
  Fixture f;
  const Record record = big_step(f.store, "world");
  const std::string text(kBig, 'b');
  BlobWriter writer = f.store.new_blob();
  sys::write_all(writer.fd(), text, "blob");
  writer.commit(sha256(text));
  f.store.set_limit(kib(10));
  f.store.keep_limit(Measure::now);
  CHECK(f.store.has_blob(sha256(text)));
  f.store.put_layer({{record.snapshot}, "none"}, {sha256(text), text.size(), sha256("d"), 10});
  f.store.keep_limit(Measure::now);
  CHECK(f.store.find_layer({{record.snapshot}, "none"}));
  Store next = f.open();
  CHECK(next.disk_usage().blobs == 1);
}

TEST_CASE("lists of dead processes are swept, those of the living are read") {
  Fixture f;
  in_process([&] {
    Warnings warnings;
    Store store = Store::open(f.path(), kMap, warnings, Purpose::inspect);
    store.keep({"distfiles/dead"});
    die();
  });
  f.store.keep({"distfiles/alive"});
  Uses reader(f.store.fd());
  CHECK(reader.all() == std::set<std::string>{"distfiles/alive"});
  CHECK(f.names("uses").size() == 3);  // the gate, and two lists
  reader.sweep();
  CHECK(f.names("uses").size() == 2);
  CHECK_THROWS_AS(reader.note({}, {"x"}), Error);
}
