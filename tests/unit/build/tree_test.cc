#include "tree.h"

#include <csignal>

#include "../layer/raw_tar.h"
#include "../store/fixture.h"
#include "gbox/sys/process.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;
using namespace gbox::build::test;
using namespace gbox::layer::test;

namespace {

const std::string kTop = "gentoo-20260101";

std::vector<RawEntry> snapshot() {
  return {dir(kTop, 0700),
          dir(kTop + "/profiles", 0750),
          {.name = kTop + "/profiles/repo_name", .content = "gentoo\n", .mode = 0600},
          {.name = kTop + "/tool", .content = "#!", .mode = 04700},
          {.name = kTop + "/of-portage", .mode = 0640, .pax = {{"uid", "4000000000"}}},
          soft_link(kTop + "/link", "profiles/repo_name")};
}

// A store, and a file of `bytes` as a source of trees.
struct Bench {
  store::test::Fixture fixture;
  SilentObserver observer;
  sys::FileLock lease = fixture.store.lease("test");

  TreeSource source(const std::string& bytes, const std::string& name = "snapshot.tar") {
    sys::write_file_atomically(fixture.dir.fd(), name, bytes);
    file_ = sys::openat(fixture.dir.fd(), name, O_RDONLY);
    return {"gentoo", file_.get(), name, sha256(bytes)};
  }
  OpenedTree open(const TreeSource& from) { return open_tree(fixture.store, from, observer); }
  std::string refusal(const TreeSource& from) {
    try {
      (void)open(from);
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::input);
      CHECK_FALSE(error.hint().empty());
      return error.message();
    }
    return "no error";
  }
  void check_nothing_left() {
    for (const char* place : {"records", "snapshots", "work"}) CHECK(fixture.names(place).empty());
  }

 private:
  sys::Fd file_;
};

mode_t mode_of(const OpenedTree& tree, const char* path) {
  return sys::fstatat(tree.directory.get(), path, AT_SYMLINK_NOFOLLOW).st_mode & 07777;
}

}  // namespace

TEST_CASE("a snapshot is unpacked once, and is then opened without its file") {
  Bench bench;
  TreeSource source = bench.source(raw_tar(snapshot()));
  const OpenedTree first = bench.open(source);
  CHECK(sys::read_file(first.directory.get(), "profiles/repo_name") == "gentoo\n");
  CHECK(first.path.ends_with("/fs/" + kTop));
  CHECK(first.digest == "tree-1:" + source.sha256.to_string());
  source.file = -1;
  const OpenedTree second = bench.open(source);
  CHECK(second.path == first.path);
  CHECK(bench.fixture.names("snapshots").size() == 1);
  const auto records = bench.fixture.store.records();
  REQUIRE(records.size() == 1);
  CHECK(records.front().step == "tree gentoo");
  CHECK(records.front().spec.empty());
}

TEST_CASE("every user may read the tree, whatever its archive says of modes and owners") {
  Bench bench;
  const OpenedTree tree = bench.open(bench.source(raw_tar(snapshot())));
  CHECK(mode_of(tree, ".") == 0755);
  CHECK(mode_of(tree, "profiles") == 0755);
  CHECK(mode_of(tree, "profiles/repo_name") == 0644);
  CHECK(mode_of(tree, "tool") == 0755);
  CHECK(mode_of(tree, "of-portage") == 0644);
  CHECK(sys::fstatat(tree.directory.get(), "of-portage", 0).st_uid == ::geteuid());
}

TEST_CASE("a tree whose archive has no top directory is its root") {
  Bench bench;
  const OpenedTree tree =
      bench.open(bench.source(raw_tar({dir("profiles"), file("profiles/repo_name"), dir("a")})));
  CHECK(tree.path.ends_with("/fs"));
  CHECK(sys::read_file(tree.directory.get(), "profiles/repo_name") == "x");
}

TEST_CASE("what is damaged, changed since or no repository leaves nothing in the store") {
  Bench bench;
  const std::string good = raw_tar(snapshot());
  TreeSource changed = bench.source(good);
  changed.sha256 = sha256("what was verified");
  CHECK(bench.refusal(changed) == "unpack 'snapshot.tar': its sha256 is " + sha256(good).hex() +
                                      ", not " + changed.sha256.hex() + " as when it was verified");
  bench.check_nothing_left();
  CHECK(bench.refusal(bench.source(good.substr(0, 2048))).find("cut short") != std::string::npos);
  bench.check_nothing_left();
  CHECK(bench.refusal(bench.source(raw_tar({dir("x"), file("x/README")}))) ==
        "open repository 'gentoo': it holds no ebuild repository: no 'profiles/repo_name'");
  CHECK(bench.refusal(bench.source(raw_tar({dir("a"), soft_link("profiles", "/etc")})))
            .find("no ebuild repository") != std::string::npos);
  bench.check_nothing_left();
}

TEST_CASE("a kill while a tree is unpacked leaves no half of one") {
  Bench bench;
  const TreeSource source = bench.source(raw_tar(snapshot()));
  sys::Child child = sys::fork_child([&] {
    (void)ensure_tree(bench.fixture.store, "gentoo", "digest", bench.observer,
                      [](int target) -> Json {
                        sys::write_file_atomically(target, "half", "x");
                        (void)::raise(SIGKILL);
                        return {};
                      });
  });
  CHECK(child.wait().signal == SIGKILL);
  CHECK(bench.fixture.names("snapshots").empty());
  (void)bench.fixture.open();
  CHECK(bench.fixture.names("work").empty());
  CHECK(sys::read_file(bench.open(source).directory.get(), "profiles/repo_name") == "gentoo\n");
}

TEST_CASE("two builds that want one tree at once share it") {
  Bench bench;
  const TreeSource source = bench.source(raw_tar(snapshot()));
  std::vector<sys::Child> children;
  for (int i = 0; i < 2; ++i)
    children.push_back(sys::fork_child([&] {
      SilentObserver observer;
      (void)ensure_tree(bench.fixture.store, "gentoo", "digest", observer, [](int target) -> Json {
        sys::mkdirat(target, "profiles", 0755);
        ::usleep(100'000);
        sys::write_file_atomically(target, "profiles/repo_name", "gentoo");
        return Json::array();
      });
    }));
  for (sys::Child& child : children) child.wait_or_throw();
  CHECK(bench.fixture.names("snapshots").size() == 1);
  CHECK(bench.fixture.names("work").empty());
}

TEST_CASE("a tree is garbage when its record went, and never while a lease is held") {
  Bench bench;
  (void)bench.open(bench.source(raw_tar(snapshot())));
  store::GcPolicy policy;
  policy.max_bytes = 0;
  bench.lease.reset();
  CHECK(bench.fixture.store.collect_garbage(policy).snapshots == 1);
  bench.check_nothing_left();
}
