#include "gbox/store/gc.h"

#include "../../../src/store/gc_order.h"
#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

Digest put_layer(Store& store, const Record& record, std::string_view text) {
  BlobWriter writer = store.new_blob();
  sys::write_all(writer.fd(), text, "blob");
  writer.commit(sha256(text));
  store.put_layer({{record.snapshot}, "gzip"}, {sha256(text), text.size(), sha256("d"), 10});
  return sha256(text);
}

Record known(std::string snapshot, std::vector<std::string> parents, std::int64_t used) {
  Record record;
  record.key = "key-" + snapshot;
  record.snapshot = std::move(snapshot);
  record.parents = std::move(parents);
  record.used = used;
  record.size_bytes = 10;
  return record;
}

using Keys = std::set<std::string>;

}  // namespace

TEST_CASE("least recently used records go first, and only as many as needed") {
  const std::vector<Record> records = {known("a", {}, 30), known("b", {}, 10), known("c", {}, 20)};
  const auto size = [](const Record& record) { return record.size_bytes; };
  CHECK(choose_unused(records, {}, {.max_bytes = 30}, 30, size).records.empty());
  CHECK(choose_unused(records, {}, {.max_bytes = 29}, 30, size).records == Keys{"key-b"});
  CHECK(choose_unused(records, {}, {.max_bytes = 15}, 30, size).records == Keys{"key-b", "key-c"});
  CHECK(choose_unused(records, {}, {.max_bytes = 0}, 1000, size).records.size() == 3);
  CHECK(choose_unused(records, {}, {}, 1000, size).records.empty());
}

TEST_CASE("a parent counts as used when its child is, and goes after it") {
  const std::vector<Record> records = {known("base", {}, 10), known("world", {"base"}, 50),
                                       known("lone", {}, 20)};
  const auto size = [](const Record& record) { return record.size_bytes; };
  CHECK(choose_unused(records, {}, {.max_bytes = 29}, 30, size).records == Keys{"key-lone"});
  CHECK(choose_unused(records, {}, {.max_bytes = 19}, 30, size).records ==
        Keys{"key-lone", "key-world"});
}

TEST_CASE("what shares files goes before those that they are counted with, and holds them") {
  std::vector<Record> records = {known("base", {}, 90), known("part", {"base"}, 10),
                                 known("whole", {"base"}, 50), known("lone", {}, 40)};
  records[2].made_of = {"part"};
  const auto size = [](const Record& record) { return record.size_bytes; };
  CHECK(choose_unused(records, {}, {.max_bytes = 39}, 40, size).records == Keys{"key-lone"});
  CHECK(choose_unused(records, {}, {.max_bytes = 29}, 40, size).records ==
        Keys{"key-lone", "key-whole"});
  CHECK(choose_unused(records, {}, {.max_bytes = 19}, 40, size).records ==
        Keys{"key-lone", "key-whole", "key-part"});
  const Held held = held_by({"records/key-whole.json"}, records, {});
  CHECK(held.snapshots == std::set<std::string>{"whole", "part", "base"});
  CHECK(choose_unused(records, {}, {.max_bytes = 0}, 40, size, held).records == Keys{"key-lone"});
}

TEST_CASE("what is held stays, with all below a directory that is") {
  Package used, unused;
  used.key = "used";
  unused.key = "unused";
  const Held held = held_by({"packages/used", "binpkgs/ab"}, {}, {});
  const auto size = [](const Record& record) { return record.size_bytes; };
  CHECK(choose_unused({}, {used, unused}, {.max_bytes = 0}, 1, size, held).packages ==
        Keys{"unused"});
  CHECK(is_held(held, "binpkgs/ab/app-misc/foo"));
  CHECK(is_held(held, "packages/used"));
  CHECK_FALSE(is_held(held, "binpkgs/abc"));
  CHECK_FALSE(is_held(held, "packages/use"));
}

TEST_CASE("records unused for too long go, whatever the space") {
  const std::vector<Record> records = {known("a", {}, 100), known("b", {}, 10 * kDay)};
  const auto size = [](const Record& record) { return record.size_bytes; };
  GcPolicy policy;
  policy.unused_for = std::chrono::seconds(5 * kDay);
  policy.now = 12 * kDay;
  CHECK(choose_unused(records, {}, policy, 0, size).records == Keys{"key-a"});
}

TEST_CASE("a collection without limits takes what nothing refers to, and nothing else") {
  Fixture f;
  const Record base = run_step(f.store, "base");
  const Record world = run_step(f.store, "world", {base.snapshot});
  const Digest kept = put_layer(f.store, world, "kept");
  const Record lost = run_step(f.store, "lost");
  const Digest lost_blob = put_layer(f.store, lost, "lost");
  sys::unlinkat(AT_FDCWD, f.path() + "/records/" + lost.key + ".json", 0);
  sys::write_file_atomically(AT_FDCWD, f.path() + "/records/" + key_of("bad") + ".json", "{");
  sys::write_file_atomically(AT_FDCWD, f.path() + "/records/.tmp-00", "{");
  f.store.lock_key(key_of("old"), "t");
  const GcResult result = f.store.collect_garbage({});
  CHECK(result.busy.empty());
  CHECK(result.snapshots == 1);
  CHECK(result.blobs == 1);
  CHECK(result.records == 0);
  CHECK(result.freed_bytes > 0);
  CHECK(f.names("records").size() == 2);
  CHECK(f.names("locks") == std::vector<std::string>{"store"});
  CHECK(f.names("work").empty());
  CHECK(f.store.has_blob(kept));
  CHECK_FALSE(f.store.has_blob(lost_blob));
  CHECK(f.store.find_layer({{world.snapshot}, "gzip"}));
  CHECK(f.store.find_record(world.key));
  CHECK(f.store.collect_garbage({}).freed_bytes == 0);
}

TEST_CASE("a record upon a snapshot that has lost its record is garbage too") {
  Fixture f;
  const Record base = run_step(f.store, "base");
  run_step(f.store, "world", {base.snapshot});
  sys::unlinkat(AT_FDCWD, f.path() + "/records/" + base.key + ".json", 0);
  const GcResult result = f.store.collect_garbage({});
  CHECK(result.records == 1);
  CHECK(result.snapshots == 2);
}

TEST_CASE("a limit removes the least recently used records with their layers and dependants") {
  Fixture f;
  const Record old_base = run_step(f.store, "base", {}, "old");
  const Record old_world = run_step(f.store, "world", {old_base.snapshot}, "old world");
  const Digest old_blob = put_layer(f.store, old_world, std::string(100000, 'x'));
  const Record fresh = run_step(f.store, "fresh");
  set_used(f, old_base, 1000);
  set_used(f, old_world, 1000);
  GcPolicy policy;
  policy.max_bytes = f.store.disk_usage().total_bytes() - 1;
  const GcResult first = f.store.collect_garbage(policy);
  CHECK(first.records == 1);
  CHECK_FALSE(f.store.peek_record(old_world.key));
  CHECK(f.store.peek_record(old_base.key));
  CHECK_FALSE(f.store.has_blob(old_blob));
  policy.max_bytes = 0;
  CHECK(f.store.collect_garbage(policy).records == 2);
  CHECK_FALSE(f.store.peek_record(fresh.key));
  CHECK(f.names("snapshots").empty());
}

TEST_CASE("old failures and lone logs go, young ones and named ones stay") {
  Fixture f;
  const LogFile lone_old = f.store.open_log("a", key_of("a"));
  const LogFile lone_new = f.store.open_log("b", key_of("b"));
  const LogFile named = f.store.open_log("c", key_of("c"));
  Record record = record_of("c");
  record.log = named.name;
  f.store.publish(f.store.begin_step("c"), record);
  FailedStep failed;
  for (const char* step : {"old", "new"}) {
    failed.step = step;
    failed.extra = nullptr;
    f.store.keep_failed(f.store.begin_step(step), failed);
  }
  set_used(lone_old.path, 1000);
  set_used(named.path, 1000);
  set_used(f.path() + "/failed/old/meta.json", 1000);
  const GcResult result = f.store.collect_garbage({});
  CHECK(result.logs == 1);
  CHECK(result.failed == 1);
  CHECK_FALSE(f.exists("logs/" + lone_old.name));
  CHECK(f.exists("logs/" + lone_new.name));
  CHECK(f.exists("logs/" + named.name));
  CHECK(f.names("failed") == std::vector<std::string>{"new"});
}

TEST_CASE("what a failed step stands on is kept for its shell, until space is needed") {
  Fixture f;
  const Record base = run_step(f.store, "base");
  FailedStep failed;
  failed.step = "php";
  failed.parents = {base.snapshot};
  f.store.keep_failed(f.store.begin_step("php"), failed);
  sys::unlinkat(AT_FDCWD, f.path() + "/records/" + base.key + ".json", 0);
  f.store.collect_garbage({});
  CHECK(f.store.has_snapshot(base.snapshot));
  const Record again = run_step(f.store, "base");
  failed.parents = {again.snapshot};
  f.store.keep_failed(f.store.begin_step("php"), failed);
  GcPolicy policy;
  policy.max_bytes = 0;
  CHECK(f.store.collect_garbage(policy).failed == 1);
  CHECK(f.names("snapshots").empty());
}

TEST_CASE("nothing is collected while another process builds, runs a step or writes a blob") {
  Fixture f;
  const Record made = run_step(f.store, "world");
  sys::unlinkat(AT_FDCWD, f.path() + "/records/" + made.key + ".json", 0);
  const auto users = std::vector<std::function<void(Store&, const std::function<void()>&)>>{
      [](Store& store, const auto& sit) {
        const sys::FileLock lease = store.lease("gbox build");
        sit();
      },
      [](Store& store, const auto& sit) {
        const Work work = store.begin_step("php");
        sit();
      },
      [](Store& store, const auto& sit) {
        const BlobWriter blob = store.new_blob();
        sit();
      }};
  for (const auto& user : users) {
    const Sitter sitter([&](const auto& sit) {
      Store store = f.open();
      user(store, sit);
    });
    const GcResult result = f.store.collect_garbage({});
    CHECK(result.busy.find("pid " + std::to_string(sitter.pid())) != std::string::npos);
    CHECK(result.freed_bytes == 0);
    CHECK(f.store.has_snapshot(made.snapshot));
  }
  CHECK(f.store.collect_garbage({}).busy.empty());
  CHECK_FALSE(f.store.has_snapshot(made.snapshot));
}

TEST_CASE("disk usage adds up what is there") {
  Fixture f;
  const DiskUsage empty = f.store.disk_usage();
  CHECK(empty.total_bytes() == 0);
  const Record made = run_step(f.store, "world");
  put_layer(f.store, made, std::string(50000, 'x'));
  const DiskUsage usage = f.store.disk_usage();
  CHECK(usage.records == 1);
  CHECK(usage.snapshots == 1);
  CHECK(usage.blobs == 1);
  CHECK(usage.snapshots_bytes == made.size_bytes);
  CHECK(usage.blobs_bytes >= 50000);
}
