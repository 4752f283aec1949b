#include <algorithm>

#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

std::string record_file(const Fixture& f, const std::string& key) {
  return f.path() + "/records/" + key + ".json";
}

// Changes one field of a record on disk.
void edit(const Fixture& f, const std::string& key, const std::function<void(Json&)>& change) {
  Json json = parse_json(sys::read_file(record_file(f, key)), "record");
  change(json);
  sys::write_file_atomically(AT_FDCWD, record_file(f, key), json.dump());
}

}  // namespace

TEST_CASE("a published step is found with all that was said of it") {
  Fixture f;
  const Record base = run_step(f.store, "base");
  Record draft = record_of("world", {base.snapshot});
  draft.log = f.store.open_log("world", draft.key).name;
  Work work = f.store.begin_step("world");
  sys::ensure_directories(work.fs_fd(), "usr/bin");
  sys::write_file_atomically(work.fs_fd(), "usr/bin/tool", std::string(10000, 'x'));
  sys::linkat(work.fs_fd(), "usr/bin/tool", work.fs_fd(), "usr/bin/again");
  const Record made = f.store.publish(std::move(work), draft);
  const auto found = f.open().find_record(draft.key);
  REQUIRE(found);
  CHECK(found->spec == "demo");
  CHECK(found->step == "world");
  CHECK(found->phase == "world");
  CHECK(found->kind == "phase");
  CHECK(found->parts == draft.parts);
  CHECK(found->parents == draft.parents);
  CHECK(found->log == draft.log);
  CHECK(found->seconds == 1.5);
  CHECK(found->created > Moment());
  CHECK(found->gbox == GBOX_VERSION);
  CHECK(found->snapshot == made.snapshot);
  CHECK(found->entries == 4);
  CHECK(found->size_bytes >= 10000);
  CHECK(found->size_bytes < 40000);  // the linked file counts once
  CHECK(f.store.snapshot_info(made.snapshot)->entries == 4);
  CHECK(sys::read_file(f.store.snapshot_path(made.snapshot) + "/usr/bin/again").size() == 10000);
  CHECK(f.names("work").empty());
  CHECK(f.names("records").size() == 2);
}

TEST_CASE("a record keeps what else its caller wants to find again") {
  Fixture f;
  Record draft = record_of("world");
  CHECK(run_step(f.store, "plain").extra.is_null());
  CHECK(f.store.find_record(key_of("plain"))->extra.is_null());
  CHECK(sys::read_file(record_file(f, key_of("plain"))).find("extra") == std::string::npos);
  draft.extra = {{"merged", Json::array({"dev-lang/php-8.3.1"})}};
  f.store.publish(f.store.begin_step("world"), draft);
  CHECK(f.store.find_record(draft.key)->extra == draft.extra);
  f.store.sync();
  CHECK(f.open().find_record(draft.key)->extra == draft.extra);
}

TEST_CASE("what a snapshot shares with another counts only where it came from") {
  Fixture f;
  const Record made = run_step(f.store, "world");
  const std::string whole = std::string(100000, 'x');
  Work first = f.store.begin_step("a");
  sys::write_file_atomically(first.fs_fd(), "a", whole, 0644, sys::Durable::no);
  sys::linkat(first.fs_fd(), "a", first.fs_fd(), "b");
  const Record a = f.store.publish(std::move(first), record_of("a"));
  CHECK(a.size_bytes >= 100000);
  CHECK(a.size_bytes < 200000);
  Work second = f.store.begin_step("b");
  for (const char* name : {"a", "b"})
    sys::linkat(AT_FDCWD, f.store.snapshot_path(a.snapshot) + '/' + name, second.fs_fd(), name);
  sys::write_file_atomically(second.fs_fd(), "c", std::string(5000, 'x'), 0644, sys::Durable::no);
  const Record b = f.store.publish(std::move(second), record_of("b"));
  CHECK(b.entries == 3);
  CHECK(b.size_bytes >= 5000);
  CHECK(b.size_bytes < 50000);
}

TEST_CASE("a key that was never published is absent without a word") {
  Fixture f;
  CHECK_FALSE(f.store.find_record(key_of("nothing")));
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("damaged records are absent, said once, and dropped") {
  Fixture f;
  const auto damages =
      std::vector<std::pair<std::string, std::string>>{{"empty", ""},
                                                       {"half", R"({"version": 1, "key": ")"},
                                                       {"no object", "[]"},
                                                       {"other version", R"({"version": 2})"},
                                                       {"binary", std::string("\0\xff\xfe", 3)},
                                                       {"deep", std::string(100000, '[')}};
  for (const auto& [name, text] : damages) {
    CAPTURE(name);
    const Record made = run_step(f.store, "world", {}, name);
    sys::write_file_atomically(AT_FDCWD, record_file(f, made.key), text);
    f.warnings.messages.clear();
    CHECK_FALSE(f.store.peek_record(made.key));
    CHECK(f.warnings.messages.empty());
    CHECK_FALSE(f.store.find_record(made.key));
    REQUIRE(f.warnings.messages.size() == 1);
    CHECK(f.warnings.messages[0].find("its step will run again") != std::string::npos);
    CHECK_FALSE(f.exists("records/" + made.key + ".json"));
    CHECK_FALSE(f.store.find_record(made.key));
    CHECK(f.warnings.messages.size() == 1);
  }
}

TEST_CASE("records that lie are absent") {
  Fixture f;
  const auto lies = std::vector<std::pair<std::string, std::function<void(Json&)>>>{
      {"climbing snapshot", [](Json& j) { j["snapshot"] = "../../../etc"; }},
      {"missing snapshot", [](Json& j) { j["snapshot"] = "0123456789abcdef"; }},
      {"climbing parent", [](Json& j) { j["parents"] = {".."}; }},
      {"missing parent", [](Json& j) { j["parents"] = {"0123456789abcdef"}; }},
      {"numbers as parents", [](Json& j) { j["parents"] = {1, 2}; }},
      {"another key", [](Json& j) { j["key"] = key_of("another"); }},
      {"climbing log", [](Json& j) { j["log"] = "../gbox-store.json"; }},
      {"negative size", [](Json& j) { j["size_bytes"] = -1; }},
      {"no parts", [](Json& j) { j.erase("parts"); }},
      {"text as seconds", [](Json& j) { j["seconds"] = "long"; }}};
  for (const auto& [name, lie] : lies) {
    CAPTURE(name);
    const Record made = run_step(f.store, "world", {}, name);
    edit(f, made.key, lie);
    f.warnings.messages.clear();
    CHECK_FALSE(f.store.find_record(made.key));
    CHECK(f.warnings.messages.size() == 1);
    CHECK_FALSE(f.exists("records/" + made.key + ".json"));
  }
}

TEST_CASE("unknown fields of a later minor change are ignored") {
  Fixture f;
  const Record made = run_step(f.store, "world");
  edit(f, made.key, [](Json& j) { j["later"] = {{"a", 1}}; });
  CHECK(f.store.find_record(made.key));
}

TEST_CASE("a record whose snapshot was removed is absent and can be published anew") {
  Fixture f;
  const Record first = run_step(f.store, "world");
  sys::remove_tree(AT_FDCWD, f.path() + "/snapshots/" + first.snapshot);
  const Record second = run_step(f.store, "world");
  CHECK(second.snapshot != first.snapshot);
  CHECK(f.store.find_record(second.key)->snapshot == second.snapshot);
}

TEST_CASE("a record built upon another build of its parents does not mix with this one") {
  Fixture f;
  const Record old_base = run_step(f.store, "base", {}, "old");
  const Record new_base = run_step(f.store, "base", {}, "new");
  const Record world = run_step(f.store, "world", {old_base.snapshot});
  CHECK(f.store.find_record(world.key, {old_base.snapshot}));
  CHECK_FALSE(f.store.find_record(world.key, {new_base.snapshot}));
  CHECK(f.warnings.messages.empty());
  const Record again = run_step(f.store, "world", {new_base.snapshot});
  CHECK(again.parents == std::vector<std::string>{new_base.snapshot});
  CHECK(f.store.find_record(world.key, {new_base.snapshot}));
}

TEST_CASE("publishing over a record upon other parents replaces it") {
  Fixture f;
  const Record old_base = run_step(f.store, "base", {}, "old");
  const Record new_base = run_step(f.store, "base", {}, "new");
  run_step(f.store, "world", {old_base.snapshot});
  const Record again = run_step(f.store, "world", {new_base.snapshot});
  CHECK(again.parents == std::vector<std::string>{new_base.snapshot});
  CHECK(f.store.find_record(again.key)->snapshot == again.snapshot);
}

TEST_CASE("the second publisher of a key gets the first one's record and leaves nothing") {
  Fixture f;
  Store other = f.open();
  Work late = other.begin_step("world");
  const Record first = run_step(f.store, "world");
  const Record second = other.publish(std::move(late), record_of("world"));
  CHECK(second.snapshot == first.snapshot);
  CHECK(f.names("snapshots") == std::vector<std::string>{first.snapshot});
  CHECK(f.names("work").empty());
  CHECK(f.names("records").size() == 1);
}

TEST_CASE("a hit makes a record the most recently used one") {
  Fixture f;
  const Record a = run_step(f.store, "a");
  const Record b = run_step(f.store, "b");
  set_used(f, a, 1000);
  set_used(f, b, 2000);
  CHECK(f.store.records()[0].step == "a");
  CHECK(f.store.peek_record(a.key)->used == 1000);
  CHECK(f.store.find_record(a.key)->used > 2000);
  REQUIRE(f.store.records().size() == 2);
  CHECK(f.store.records()[0].step == "b");
  CHECK(f.store.records()[1].used > 2000);
}

TEST_CASE("the latest record of a step is that of the same spec, else of any") {
  Fixture f;
  CHECK_FALSE(f.store.latest_record_of("world"));
  const Record mine = run_step(f.store, "world", {}, "one");
  Record theirs = record_of("world", {}, "two");
  theirs.spec = "other";
  theirs = f.store.publish(f.store.begin_step("world"), theirs);
  edit(f, mine.key, [](Json& j) { j["created"] = 1000; });
  Store fresh = f.open();
  CHECK(fresh.latest_record_of("world", "demo")->key == mine.key);
  CHECK(fresh.latest_record_of("world", "other")->key == theirs.key);
  CHECK(fresh.latest_record_of("world", "third")->key == theirs.key);
  CHECK_FALSE(fresh.latest_record_of("php"));
  const Record newest = run_step(fresh, "world", {}, "three");
  CHECK(fresh.latest_record_of("world", "demo")->key == newest.key);
}

TEST_CASE("of two records of one second the later one is the latest") {
  Fixture f;
  const Record one = run_step(f.store, "world", {}, "one");
  const Record two = run_step(f.store, "world", {}, "two");
  for (const auto& [later, earlier] : {std::pair(one, two), std::pair(two, one)}) {
    edit(f, later.key, [](Json& j) { j["created"] = 1000, j["created_ns"] = 700; });
    edit(f, earlier.key, [](Json& j) { j["created"] = 1000, j["created_ns"] = 699; });
    CHECK(f.open().latest_record_of("world", "demo")->key == later.key);
  }
}

TEST_CASE("a record not known to be on disk does not outlive a restart of the machine") {
  Fixture f;
  const Record made = run_step(f.store, "world");
  CHECK(f.store.find_record(made.key));
  edit(f, made.key, [](Json& j) {
    REQUIRE(j.contains("boot"));
    j["boot"] = "00000000-0000-0000-0000-000000000000";
  });
  CHECK_FALSE(f.store.find_record(made.key));
  REQUIRE(f.warnings.messages.size() == 1);
  CHECK(f.warnings.messages[0].find("not yet on disk") != std::string::npos);
}

TEST_CASE("sync makes records outlive a restart, those of a killed gbox as well") {
  Fixture f;
  const auto has_mark = [&](const Record& record) {
    return parse_json(sys::read_file(record_file(f, record.key)), "r").contains("boot");
  };
  const Record mine = run_step(f.store, "mine");
  CHECK(in_process([&] {
          run_step(f.store, "theirs");
          die();
        }) == 128 + SIGKILL);
  const Record theirs = *f.store.find_record(key_of("theirs"));
  CHECK(has_mark(mine));
  CHECK(has_mark(theirs));
  f.store.sync();
  CHECK_FALSE(has_mark(mine));
  CHECK_FALSE(has_mark(theirs));
  CHECK(f.store.find_record(mine.key)->snapshot == mine.snapshot);
}

TEST_CASE("a step that took long is on disk at once") {
  Fixture f;
  Record draft = record_of("world");
  draft.seconds = 3600;
  const Record made = f.store.publish(f.store.begin_step("world"), draft);
  CHECK_FALSE(parse_json(sys::read_file(record_file(f, made.key)), "r").contains("boot"));
}

TEST_CASE("a forgotten record makes its step run again, and all that was built upon it") {
  Fixture f;
  const Record base = run_step(f.store, "base");
  const Record world = run_step(f.store, "world", {base.snapshot});
  const Record php = run_step(f.store, "php", {base.snapshot, world.snapshot});
  const Sitter sitter([&](const auto& sit) {  // also while another build uses it
    Store store = f.open();
    const sys::FileLock lease = store.lease("gbox build");
    sit();
  });
  f.store.forget_record(world.key);
  CHECK_FALSE(f.store.find_record(world.key));
  CHECK(f.store.has_snapshot(world.snapshot));
  const Record again = run_step(f.store, "world", {base.snapshot});
  CHECK(again.snapshot != world.snapshot);
  CHECK_FALSE(f.store.find_record(php.key, {base.snapshot, again.snapshot}));
}
