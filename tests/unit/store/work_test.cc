#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

FailedStep failure_of(std::string_view step) {
  FailedStep failed;
  failed.spec = "demo";
  failed.step = step;
  failed.phase = step;
  failed.key = key_of(step);
  failed.environment = {{"HOME", "/root"}, {"ODD", "a\nb'"}};
  failed.argv = {"/bin/bash", "-c", "false"};
  failed.working_dir = "/";
  failed.exit_status = 1;
  failed.extra = {{"policy", "emerge"}};
  return failed;
}

}  // namespace

TEST_CASE("a step that is given up leaves nothing") {
  Fixture f;
  {
    const Work work = f.store.begin_step("world");
    sys::ensure_directories(work.fs_fd(), "a/b");
    sys::mkdirat(work.fd(), "work/work", 0);
    CHECK(f.names("work").size() == 1);
    CHECK(work.fs() == work.path() + "/fs");
    CHECK(f.exists(work.work().substr(f.store.path().size() + 1)));
  }
  CHECK(f.names("work").empty());
}

TEST_CASE("what a caller kept beside a step is no part of its snapshot, but stays with a failure") {
  Fixture f;
  Work good = f.store.begin_step("world");
  sys::ensure_directories(good.fd(), "scratch/tmp/portage");
  const Record record = f.store.publish(std::move(good), record_of("world"));
  CHECK(f.names("snapshots/" + record.snapshot) == std::vector<std::string>{"fs", "meta.json"});
  Work bad = f.store.begin_step("php");
  sys::ensure_directories(bad.fd(), "scratch/tmp/portage");
  f.store.keep_failed(std::move(bad), failure_of("php"));
  CHECK(f.exists("failed/php/scratch/tmp/portage"));
}

TEST_CASE("a new step's root looks like the one it covers, whatever the umask") {
  Fixture f;
  const mode_t mask = ::umask(077);
  Work base = f.store.begin_step("base");
  CHECK((sys::fstat(base.fs_fd()).st_mode & 07777) == 0755);
  REQUIRE(::fchmod(base.fs_fd(), 01775) == 0);
  const Record record = f.store.publish(std::move(base), record_of("base"));
  const Work work = f.store.begin_step("world", record.snapshot);
  ::umask(mask);
  CHECK((sys::fstat(work.fs_fd()).st_mode & 07777) == 01775);
}

TEST_CASE("kill -9 while a step runs loses that step only, and its remains go at the next open") {
  Fixture f;
  const Record before = run_step(f.store, "base");
  CHECK(in_process([&] {
          Store store = f.open();
          const Work work = store.begin_step("world");
          sys::ensure_directories(work.fs_fd(), "usr/lib");
          sys::mkdirat(work.fd(), "work/work", 0);
          die();
        }) == 128 + SIGKILL);
  CHECK(f.names("work").size() == 1);
  Store next = f.open();
  CHECK(f.names("work").empty());
  CHECK(next.find_record(before.key));
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("a kill between the two renames of publishing leaves garbage, never a hit") {
  Fixture f;
  CHECK(in_process([&] {
          Store store = f.open();
          const Work work = store.begin_step("world");
          sys::write_file_atomically(work.fs_fd(), "x", "x");
          sys::write_file_atomically(work.fd(), "meta.json", "{}");
          sys::renameat(AT_FDCWD, work.path(), store.fd(), "snapshots/0123456789abcdef");
          die();
        }) == 128 + SIGKILL);
  Store next = f.open();
  CHECK_FALSE(next.find_record(key_of("world")));
  CHECK(next.collect_garbage({}).snapshots == 1);
  CHECK(f.names("snapshots").empty());
}

TEST_CASE("a record that cannot be written takes its snapshot along") {
  if (::geteuid() == 0) return;  // root writes anywhere
  Fixture f;
  REQUIRE(::chmod((f.path() + "/records").c_str(), 0500) == 0);
  CHECK_THROWS_AS(run_step(f.store, "world"), Error);
  REQUIRE(::chmod((f.path() + "/records").c_str(), 0700) == 0);
  CHECK(f.names("snapshots").empty());
  CHECK(f.names("work").empty());
}

TEST_CASE("builds killed at random moments leave a store that is sound") {
  Fixture f;
  for (int round = 0; round < 20; ++round) {
    sys::Pipe begun = sys::pipe();
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      try {
        Store store = f.open();
        for (int step = 0;; ++step) {
          const std::string name = "r" + std::to_string(round) + "s" + std::to_string(step);
          run_step(store, name);
          if (step == 0) sys::write_all(begun.write.get(), "x", "pipe");
          BlobWriter blob = store.new_blob();
          sys::write_all(blob.fd(), name, "blob");
          blob.commit(sha256(name));
          store.keep_failed(store.begin_step("bad"), failure_of("bad"));
        }
      } catch (...) {
        ::_exit(1);
      }
    }
    begun.write.reset();
    std::byte buffer[1];
    REQUIRE(sys::read_full(begun.read.get(), buffer, "pipe") == 1);
    ::usleep(static_cast<useconds_t>(331 * round));
    REQUIRE(::kill(pid, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFSIGNALED(status));
  }
  Store store = f.open();
  CHECK(f.names("work").empty());
  const std::vector<Record> records = store.records();
  CHECK(records.size() >= 20);
  for (const Record& record : records) {
    CHECK(store.find_record(record.key));
    CHECK(sys::read_file(store.snapshot_path(record.snapshot) + "/made-by") == record.step);
  }
  CHECK(f.warnings.messages.empty());
  CHECK(store.collect_garbage({}).records == 0);
  CHECK(f.names("snapshots").size() == records.size());
}

TEST_CASE("the work of a living process is left alone by others that open the store") {
  Fixture f;
  Sitter sitter([&](const auto& sit) {
    Store store = f.open();
    const Work work = store.begin_step("world");
    sys::write_file_atomically(work.fs_fd(), "x", "x");
    sit();
  });
  const Store other = f.open();
  REQUIRE(f.names("work").size() == 1);
  CHECK(f.exists("work/" + f.names("work")[0] + "/fs/x"));
  sitter.kill();
  f.open();
  CHECK(f.names("work").empty());
}

TEST_CASE("two builds of one key do its work once") {
  Fixture f;
  const auto build = [&] {
    Store store = f.open();
    const sys::FileLock lease = store.lease("gbox build");
    const sys::FileLock lock = store.lock_key(key_of("world"), "gbox build: step 'world'");
    if (store.find_record(key_of("world"))) return;
    const sys::Fd count = sys::open(f.dir.path() + "/runs", O_WRONLY | O_CREAT | O_APPEND, 0600);
    sys::write_all(count.get(), "x", "runs");
    ::usleep(50000);
    run_step(store, "world");
  };
  std::vector<pid_t> pids;
  for (int i = 0; i < 4; ++i) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      try {
        build();
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    pids.push_back(pid);
  }
  for (const pid_t pid : pids) {
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  CHECK(sys::read_file(f.dir.path() + "/runs") == "x");
}

TEST_CASE("whoever waits for a key is told who builds it") {
  Fixture f;
  Sitter sitter([&](const auto& sit) {
    Store store = f.open();
    const sys::FileLock lock = store.lock_key(key_of("k"), "gbox build: step 'rust'");
    sit();
  });
  std::string said;
  sys::LockWait wait;
  wait.first = std::chrono::milliseconds(10);
  wait.on_wait = [&](const sys::LockHolder& holder) {
    said = sys::describe(holder);
    sitter.kill();
  };
  CHECK(f.store.lock_key(key_of("k"), "second", wait).held());
  CHECK(said.find("step") != std::string::npos);
  CHECK(said.find("pid ") != std::string::npos);
}

TEST_CASE("a failed step is kept with what it takes to open it again") {
  Fixture f;
  const Record base = run_step(f.store, "base");
  Work work = f.store.begin_step("php/dev-lang/php");
  sys::write_file_atomically(work.fs_fd(), "core", "half");
  FailedStep failed = failure_of("php/dev-lang/php");
  failed.parents = {base.snapshot};
  f.store.keep_failed(std::move(work), failed);
  CHECK(f.names("work").empty());
  CHECK(f.names("failed") == std::vector<std::string>{"php%2fdev-lang%2fphp"});
  const auto found = f.open().find_failed("php/dev-lang/php");
  REQUIRE(found);
  CHECK(found->parents == failed.parents);
  CHECK(found->environment == failed.environment);
  CHECK(found->argv == failed.argv);
  CHECK(found->working_dir == "/");
  CHECK(found->exit_status == 1);
  CHECK(found->extra == failed.extra);
  CHECK(found->entries == 3);  // fs, work and the file
  CHECK_FALSE(f.store.find_record(failed.key));
  {
    const auto open = f.store.open_failed("php/dev-lang/php");
    REQUIRE(open);
    CHECK(sys::read_file(open->fs() + "/core") == "half");
    CHECK(sys::try_fstatat(AT_FDCWD, open->work(), 0));
  }
  CHECK(f.store.find_failed("php/dev-lang/php"));
  f.store.forget_failed("php/dev-lang/php");
  CHECK_FALSE(f.store.find_failed("php/dev-lang/php"));
  CHECK_FALSE(f.store.open_failed("php/dev-lang/php"));
  CHECK(f.names("failed").empty());
  f.store.forget_failed("php/dev-lang/php");
}

TEST_CASE("a later failure replaces the earlier one, even one that is open in a shell") {
  Fixture f;
  f.store.keep_failed(f.store.begin_step("php"), failure_of("php"));
  Sitter shell([&](const auto& sit) {
    Store store = f.open();
    const auto open = store.open_failed("php");
    sys::write_file_atomically(open->fs_fd(), "by-hand", "x");
    sit();
  });
  CHECK_THROWS_WITH_AS(f.store.open_failed("php"),
                       "open failed step 'php': it is open in another process", Error);
  FailedStep second = failure_of("php");
  second.exit_status = 2;
  f.store.keep_failed(f.store.begin_step("php"), second);
  CHECK(f.store.find_failed("php")->exit_status == 2);
  CHECK_FALSE(f.exists("failed/php/fs/by-hand"));
  CHECK(f.names("work").size() == 1);  // the shell still stands in it
  shell.kill();
  f.open();
  CHECK(f.names("work").empty());
}

TEST_CASE("a damaged failed step is said and not opened") {
  Fixture f;
  f.store.keep_failed(f.store.begin_step("php"), failure_of("php"));
  for (const char* text : {"", "{}", R"({"version": 1, "parents": ["../.."]})"}) {
    sys::write_file_atomically(AT_FDCWD, f.path() + "/failed/php/meta.json", text);
    f.warnings.messages.clear();
    CHECK_FALSE(f.store.open_failed("php"));
    CHECK(f.warnings.messages.size() == 1);
  }
}

TEST_CASE("hostile step names stay inside the store") {
  Fixture f;
  for (const char* name : {"../../evil", "/etc/evil", "..", ".", ""}) {
    CAPTURE(name);
    f.store.keep_failed(f.store.begin_step(name), failure_of(name));
    CHECK(f.store.find_failed(name)->step == name);
    LogFile log = f.store.open_log(name, key_of("k"));
    CHECK(log.path.starts_with(f.store.path() + "/logs/"));
    CHECK(f.store.log_path(log.name) == log.path);
  }
  CHECK(f.names("failed").size() == 5);
  CHECK(sys::list_directory(f.dir.fd(), "d") == std::vector<std::string>{"store"});
}
