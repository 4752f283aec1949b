#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "../../../src/store/gc_order.h"
#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

const std::string kFile = "php-8.3.1-1.gpkg.tar";

Package package_of(std::string_view what) {
  Package package;
  package.key = key_of(what);
  package.spec = "demo";
  package.step = "php/dev-lang/php";
  package.phase = "php";
  package.cpv = "dev-lang/php-8.3.1";
  package.parts = Json::array({Json::array({"use", "fpm intl"})});
  package.path = "dev-lang/php/" + kFile;
  package.stanza = "CPV: dev-lang/php-8.3.1\nDESC: it's \"PHP\"\x1b[1m\n";
  package.seconds = 2.5;
  return package;
}

// A package as a step leaves it: a file in its own directory, which goes when the step does.
Package keep(Store& store, Package package, std::string_view content = "gpkg") {
  const Work work = store.begin_step(package.step);
  sys::write_file_atomically(work.fs_fd(), kFile, content, 0600, sys::Durable::no);
  return store.put_package(work.fs_fd(), kFile, std::move(package));
}

std::string facts_file(const Fixture& f, const Package& package) {
  return f.path() + "/packages/" + package.key + "/package.json";
}

void edit(const Fixture& f, const Package& package, const std::function<void(Json&)>& change) {
  Json json = parse_json(sys::read_file(facts_file(f, package)), "package");
  change(json);
  sys::write_file_atomically(AT_FDCWD, facts_file(f, package), json.dump());
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.message();
  }
  return "(no error)";
}

std::string read_package(const Store& store, const Package& package) {
  const sys::Fd fd = store.open_package(package);
  std::array<std::byte, 4096> buffer;
  return {reinterpret_cast<const char*>(buffer.data()),
          sys::read_full(fd.get(), buffer, "package")};
}

}  // namespace

TEST_CASE("a kept package is found with its file and all that was said of it") {
  Fixture f;
  Package draft = package_of("php");
  draft.log = f.store.open_log(draft.step, draft.key).name;
  draft.peak_bytes = 1 << 30;
  const Package made = keep(f.store, draft);
  CHECK(made.sha256 == sha256("gpkg"));
  CHECK(made.size_bytes == 4);
  const auto found = f.open().find_package(draft.key);
  REQUIRE(found);
  CHECK(found->key == draft.key);
  CHECK(found->spec == "demo");
  CHECK(found->step == draft.step);
  CHECK(found->phase == "php");
  CHECK(found->cpv == draft.cpv);
  CHECK(found->parts == draft.parts);
  CHECK(found->file == kFile);
  CHECK(found->path == draft.path);
  CHECK(found->stanza == draft.stanza);
  CHECK(found->sha256 == sha256("gpkg"));
  CHECK(found->size_bytes == 4);
  CHECK(found->log == draft.log);
  CHECK(found->seconds == 2.5);
  CHECK(found->peak_bytes == 1 << 30);
  CHECK(found->created > Moment());
  CHECK(found->used >= found->created.seconds);
  CHECK(found->gbox == GBOX_VERSION);
  CHECK(read_package(f.store, *found) == "gpkg");
  CHECK(sys::read_file(f.store.package_file(*found)) == "gpkg");
  CHECK((sys::fstat(f.store.open_package(*found).get()).st_mode & 07777) == 0644);
  CHECK(f.store.peek_package(draft.key)->sha256 == sha256("gpkg"));
  CHECK(f.names("work").empty());
  CHECK_FALSE(f.store.find_record(draft.key));
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("a key without a package is absent without a word") {
  Fixture f;
  CHECK_FALSE(f.store.find_package(key_of("nothing")));
  CHECK_FALSE(f.store.peek_package(key_of("nothing")));
  CHECK_FALSE(f.store.latest_package_of("php/dev-lang/php"));
  f.store.forget_package(key_of("nothing"));
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("a damaged package is absent, said once, and dropped, and can be kept again") {
  struct Row {
    const char* what;
    std::function<void(const Fixture&, const Package&)> damage;
    const char* said;
  };
  const auto replaced = [](const char* text) {
    return [text](const Fixture& f, const Package& package) {
      sys::write_file_atomically(AT_FDCWD, facts_file(f, package), text);
    };
  };
  const auto edited = [](const char* key, Json value) {
    return [key, value](const Fixture& f, const Package& package) {
      edit(f, package, [&](Json& json) { json[key] = value; });
    };
  };
  const std::string other = key_of("other");
  for (const Row& row : std::vector<Row>{
           {"empty facts", replaced(""), "not valid json"},
           {"no object", replaced("[]"), "an object is expected"},
           {"a later version", replaced(R"({"version": 2})"), "version 2 is not known"},
           {"another key", edited("key", other), "it is of another key"},
           {"a file elsewhere", edited("file", "../x"), "'../x' is no package's file"},
           {"facts as the file", edited("file", "package.json"), "is no package's file"},
           {"a path that climbs", edited("path", "a/../../x"), "'..'"},
           {"an absolute path", edited("path", "/etc/passwd"), "'/etc/passwd' is no place"},
           {"no digest", edited("sha256", "12"), "sha256"},
           {"an odd log", edited("log", "../../x.log"), "'../../x.log' is no log"},
           {"another boot", edited("boot", "other"), "it was not yet on disk"},
           {"lost facts",
            [](const Fixture&f, const Package&package) {
              sys::unlinkat(AT_FDCWD, facts_file(f, package), 0);
            },
            "what is known of it is gone"},
           {"a lost file",
            [](const Fixture&f, const Package&package) {
              sys::unlinkat(AT_FDCWD, f.store.package_file(package), 0);
            },
            "its file is gone"},
           {"a link as the file",
            [](const Fixture&f, const Package&package) {
              sys::unlinkat(AT_FDCWD, f.store.package_file(package), 0);
              sys::symlinkat("/etc/passwd", AT_FDCWD, f.store.package_file(package));
            },
            "its file is gone"},
           {"a torn file",
            [](const Fixture&f, const Package&package) {
              REQUIRE(::truncate(f.store.package_file(package).c_str(), 3) == 0);
            },
            "its file has 3 bytes instead of 4"},
       }) {
    CAPTURE(row.what);
    Fixture f;
    const Package made = keep(f.store, package_of("php"));
    row.damage(f, made);
    CHECK_FALSE(f.store.peek_package(made.key));
    CHECK(f.store.packages().empty());
    CHECK(f.warnings.messages.empty());
    CHECK_FALSE(f.store.find_package(made.key));
    REQUIRE(f.warnings.messages.size() == 1);
    CAPTURE(f.warnings.messages[0]);
    CHECK(f.warnings.messages[0].find("package " + made.key.substr(0, 12) +
                                      " is dropped and will be built again: ") !=
          std::string::npos);
    CHECK(f.warnings.messages[0].find(row.said) != std::string::npos);
    CHECK(f.names("packages").empty());
    CHECK_FALSE(f.store.find_package(made.key));
    CHECK(f.warnings.messages.size() == 1);
    keep(f.store, package_of("php"));
    CHECK(f.store.find_package(made.key));
  }
}

TEST_CASE("a file that was changed in place is told by its digest") {
  Fixture f;
  const Package made = keep(f.store, package_of("php"));
  CHECK(f.store.verify_package(made));
  sys::write_file_atomically(AT_FDCWD, f.store.package_file(made), "gpkX");
  CHECK(f.store.find_package(made.key));  // the size is right
  CHECK_FALSE(f.store.verify_package(made));
  sys::unlinkat(AT_FDCWD, f.store.package_file(made), 0);
  CHECK_FALSE(f.store.verify_package(made));
}

TEST_CASE("the first of two publishers wins, unless what it left is damaged") {
  Fixture f;
  Package first = package_of("php");
  first.spec = "first";
  Package second = package_of("php");
  second.spec = "second";
  keep(f.store, first, "first");
  const Package got = keep(f.store, second, "second");
  CHECK(got.spec == "first");
  CHECK(read_package(f.store, got) == "first");
  CHECK(f.names("work").empty());
  sys::write_file_atomically(AT_FDCWD, facts_file(f, got), "{");
  CHECK(keep(f.store, second, "second").spec == "second");
  CHECK(read_package(f.store, *f.store.find_package(second.key)) == "second");
  // Several at once: one of them is there in the end, whole, and all say the same.
  std::vector<std::string> winners;
  for (int round = 0; round < 20; ++round) {
    const std::string key = key_of("race " + std::to_string(round));
    sys::Pipe answers = sys::pipe();
    std::vector<pid_t> racers;
    for (int racer = 0; racer < 4; ++racer) {
      const pid_t pid = ::fork();
      REQUIRE(pid >= 0);
      if (pid == 0) {
        try {
          Package package = package_of("php");
          package.key = key;
          package.spec = std::to_string(racer);
          const Package won = keep(f.store, package, package.spec);
          sys::write_all(answers.write.get(), won.spec, "pipe");
        } catch (...) {
          ::_exit(1);
        }
        ::_exit(0);
      }
      racers.push_back(pid);
    }
    for (const pid_t pid : racers) {
      int status = 0;
      REQUIRE(::waitpid(pid, &status, 0) == pid);
      CHECK(status == 0);
    }
    answers.write.reset();
    std::array<std::byte, 16> said;
    REQUIRE(sys::read_full(answers.read.get(), said, "pipe") == 4);
    const auto found = f.store.find_package(key);
    REQUIRE(found);
    for (std::size_t i = 0; i < 4; ++i) CHECK(std::to_integer<char>(said[i]) == found->spec[0]);
    CHECK(read_package(f.store, *found) == found->spec);
  }
  CHECK(f.names("work").empty());
}

TEST_CASE("what is no package is refused, and nothing is left of it") {
  Fixture f;
  const Work work = f.store.begin_step("php");
  sys::write_file_atomically(work.fs_fd(), kFile, "x", 0644, sys::Durable::no);
  sys::symlinkat("/etc/passwd", work.fs_fd(), "link.tar");
  REQUIRE(::mkfifoat(work.fs_fd(), "fifo.tar", 0600) == 0);
  const auto refusal = [&](const std::string& name, const std::function<void(Package&)>& change) {
    Package package = package_of("php");
    change(package);
    return message_of([&] { f.store.put_package(work.fs_fd(), name, package); });
  };
  const auto as_it_is = [](Package&) {};
  const std::string keeping = "keep package 'dev-lang/php-8.3.1': ";
  CHECK(refusal("link.tar", as_it_is) ==
        keeping + "open 'link.tar': Too many levels of symbolic links");
  CHECK(refusal("fifo.tar", as_it_is) == keeping + "'fifo.tar' is not a file");
  CHECK(refusal("../x", as_it_is) == keeping + "'../x' cannot be the name of a package");
  CHECK(refusal("absent.tar", as_it_is) ==
        keeping + "open 'absent.tar': No such file or directory");
  CHECK(refusal(kFile, [](Package& p) { p.path = "../" + kFile; }).find("'..'") !=
        std::string::npos);
  CHECK(refusal(kFile, [](Package& p) { p.path = ""; }) ==
        keeping + "'' is no place in a binary package repository");
  CHECK(refusal(kFile, [](Package& p) { p.stanza = std::string(300 << 10, 'x'); }) ==
        keeping + "its entry for the index takes 300.0 KiB, more than 256.0 KiB");
  CHECK(refusal(kFile, [](Package& p) { p.key = "../../x"; }) ==
        "internal error: '../../x' is no key");
  CHECK(f.names("packages").empty());
  CHECK(f.names("work").size() == 1);  // the step's own
}

TEST_CASE("a package is marked with its boot until it is on disk") {
  Fixture f;
  const auto has_mark = [&](const Package& package) {
    return parse_json(sys::read_file(facts_file(f, package)), "package").contains("boot");
  };
  const Package quick = keep(f.store, package_of("quick"));
  CHECK(has_mark(quick));
  Package draft = package_of("slow");
  draft.seconds = 60;
  const Package slow = keep(f.store, draft);
  CHECK_FALSE(has_mark(slow));
  CHECK_FALSE(has_mark(quick));
  const Package late = keep(f.store, package_of("late"));
  {
    Store other = f.open();
    REQUIRE(other.find_package(late.key));  // a build that depends on it makes it durable
    other.sync();
  }
  CHECK_FALSE(has_mark(late));
  CHECK(f.store.verify_package(late));
}

TEST_CASE("packages are listed by use, and the newest one of a step is found, of this spec first") {
  Fixture f;
  const auto put = [&](const char* what, const char* spec, std::int64_t created) {
    Package package = package_of(what);
    package.spec = spec;
    keep(f.store, package);
    edit(f, package, [&](Json& json) { json["created"] = created; });
    f.store.forget_package(key_of("nothing"));  // the listing may be kept between two changes
    return package;
  };
  const Package a = put("a", "demo", 10);
  const Package b = put("b", "demo", 20);
  const Package c = put("c", "other", 30);
  set_used(facts_file(f, b), 1000);
  set_used(facts_file(f, c), 2000);
  set_used(facts_file(f, a), 3000);
  std::vector<std::string> keys;
  for (const Package& package : f.store.packages()) keys.push_back(package.key);
  CHECK(keys == std::vector<std::string>{b.key, c.key, a.key});
  CHECK(f.store.latest_package_of(a.step, "demo")->key == b.key);
  CHECK(f.store.latest_package_of(a.step, "third")->key == c.key);
  CHECK_FALSE(f.store.latest_package_of("php", "demo"));
  f.store.find_package(b.key);
  CHECK(f.store.packages().back().key == b.key);
  f.store.forget_package(b.key);
  f.store.forget_package(b.key);
  CHECK(f.store.latest_package_of(a.step, "demo")->key == a.key);
}

TEST_CASE("the least recently used of records and packages go first, records before packages") {
  Record record;
  record.key = "record";
  record.snapshot = "s";
  record.used = 20;
  record.size_bytes = 10;
  Package older;
  older.key = "older";
  older.used = 10;
  older.size_bytes = 10;
  Package same = older;
  same.key = "same";
  same.used = 20;
  const auto size = [](const Record& each) { return each.size_bytes; };
  const auto choose = [&](std::uint64_t max_bytes) {
    return choose_unused({record}, {same, older}, {.max_bytes = max_bytes}, 30, size);
  };
  using Keys = std::set<std::string>;
  CHECK(choose(30).empty());
  CHECK(choose(20).packages == Keys{"older"});
  CHECK(choose(20).records.empty());
  CHECK(choose(10).records == Keys{"record"});
  CHECK(choose(10).packages == Keys{"older"});
  CHECK(choose(0).packages == Keys{"older", "same"});
}

TEST_CASE("a collection keeps packages without a record and their logs, until room is needed") {
  Fixture f;
  Package draft = package_of("php");
  draft.log = f.store.open_log(draft.step, draft.key).name;
  const Package php = keep(f.store, draft, std::string(100000, 'x'));
  set_used(f.path() + "/logs/" + draft.log, 1000);
  const Package icu = keep(f.store, package_of("icu"));
  const Package torn = keep(f.store, package_of("torn"));
  sys::unlinkat(AT_FDCWD, f.store.package_file(torn), 0);
  sys::ensure_directories(AT_FDCWD, f.path() + "/packages/not-a-key/x");
  CHECK(f.store.disk_usage().packages == 2);
  CHECK(f.store.disk_usage().packages_bytes == 100004);
  CHECK(f.store.disk_usage().total_bytes() >= 100004);
  CHECK(f.store.collect_garbage({}).packages == 0);
  CHECK(f.names("packages").size() == 2);
  CHECK(f.store.verify_package(php));
  CHECK(f.exists("logs/" + draft.log));

  const Record record = run_step(f.store, "world");
  set_used(facts_file(f, php), 1000);
  GcPolicy policy;
  policy.max_bytes = f.store.disk_usage().total_bytes() - 1;
  const GcResult result = f.store.collect_garbage(policy);
  CHECK(result.packages == 1);
  CHECK(result.records == 0);
  CHECK(result.freed_bytes >= 100000);
  CHECK_FALSE(f.store.peek_package(php.key));
  CHECK(f.store.peek_package(icu.key));
  CHECK(f.store.find_record(record.key));

  policy = {};
  policy.unused_for = std::chrono::seconds(kDay);
  set_used(facts_file(f, icu), 1000);
  CHECK(f.store.collect_garbage(policy).packages == 1);
  CHECK(f.names("packages").empty());
}

TEST_CASE("killed while it is being kept, a package is there as a whole or not at all") {
  Fixture f;
  // As a kill between two system calls leaves it: everything but the rename.
  CHECK(in_process([&] {
          Store store = f.open();
          const Work work = store.begin_step("php");
          sys::write_file_atomically(work.fs_fd(), kFile, "gpkg", 0600, sys::Durable::no);
          store.put_package(work.fs_fd(), kFile, package_of("whole"));
          sys::ensure_directories(AT_FDCWD, f.path() + "/work/half");
          sys::linkat(work.fs_fd(), kFile, AT_FDCWD, f.path() + "/work/half/" + kFile);
          die();
        }) == 128 + SIGKILL);
  Store again = f.open();
  CHECK(f.names("work").empty());
  REQUIRE(again.find_package(key_of("whole")));
  CHECK(again.verify_package(*again.find_package(key_of("whole"))));
}
