#include "memo.h"

#include <ctime>

#include "../store/fixture.h"
#include "../tree.h"
#include "gbox/portage/repository.h"

using namespace gbox;
using namespace gbox::build;

namespace {

struct MemoBench {
  store::test::Fixture fixture;
  gbox::test::Tree tree;
  std::int64_t later = std::time(nullptr) + 10;

  MemoBench() {
    tree.file("profiles/repo_name", "x\n").file("a/b/b-1.ebuild", "EAPI=8\n").link("l", "a");
  }
  Digest ask(std::int64_t now) {
    return remembered_repository_digest(fixture.store, tree.fd(), tree.path(),
                                        portage::repository_state(tree.fd()), now);
  }
  [[nodiscard]] std::size_t memos() const { return fixture.names("memo").size(); }
  // Plants a lie, so that an answer tells whether it was remembered or read.
  void lie() {
    fixture.store.put_memo("repository " + tree.path(),
                           portage::repository_state(tree.fd()).digest.to_string(),
                           "[\"" + sha256("a lie").to_string() + "\"]");
  }
};

}  // namespace

TEST_CASE("a repository that did not change is not read again") {
  MemoBench bench;
  const Digest digest = bench.ask(bench.later);
  CHECK(digest == portage::repository_digest(bench.tree.fd()));
  CHECK(bench.memos() == 1);
  bench.lie();
  CHECK(bench.memos() == 1);
  CHECK(bench.ask(bench.later) == sha256("a lie"));
}

TEST_CASE("any change of a repository's files is seen, whatever their times were set to") {
  MemoBench bench;
  const struct timespec old[2] = {{1000, 0}, {1000, 0}};
  const auto changed = [&](auto change) {
    bench.lie();
    REQUIRE(bench.ask(bench.later) == sha256("a lie"));
    change();
    CHECK(bench.ask(bench.later) == portage::repository_digest(bench.tree.fd()));
  };
  changed([&] { bench.tree.file("a/b/b-1.ebuild", "EAPI=7\n"); });
  changed([&] {
    // The same size, the same inode, the old time.
    const sys::Fd fd = sys::openat(bench.tree.fd(), "a/b/b-1.ebuild", O_WRONLY);
    sys::write_all(fd.get(), "EAPI=6", "test");
    REQUIRE(::futimens(fd.get(), old) == 0);
  });
  changed([&] { bench.tree.file("a/b/new", ""); });
  changed([&] { sys::renameat(bench.tree.fd(), "a/b/new", bench.tree.fd(), "a/b/newer"); });
  changed([&] { sys::unlinkat(bench.tree.fd(), "a/b/newer", 0); });
  changed([&] { REQUIRE(::fchmodat(bench.tree.fd(), "a/b/b-1.ebuild", 0755, 0) == 0); });
  changed([&] {
    sys::unlinkat(bench.tree.fd(), "l", 0);
    bench.tree.link("l", "b");
  });
}

TEST_CASE("what changed a moment ago is not remembered: it may change again unseen") {
  MemoBench bench;
  (void)bench.ask(0);
  CHECK(bench.memos() == 0);
}

TEST_CASE("what no build depends on is no part of a repository's state") {
  MemoBench bench;
  const Digest before = portage::repository_state(bench.tree.fd()).digest;
  bench.tree.file("metadata/timestamp", "now").file(".git/HEAD", "x");
  bench.tree.file("metadata/md5-cache/a/b-1", "y");
  sys::remove_tree(bench.tree.fd(), "metadata");
  CHECK(portage::repository_state(bench.tree.fd()).digest == before);
}

TEST_CASE("a file is read again when it changed, or when another digest is wanted") {
  MemoBench bench;
  const std::vector<HashAlgorithm> both = {HashAlgorithm::sha256, HashAlgorithm::blake2b};
  int reads = 0;
  const auto ask = [&](const std::vector<HashAlgorithm>& algorithms, std::int64_t now) {
    const sys::Fd fd = sys::openat(bench.tree.fd(), "a/b/b-1.ebuild", O_RDONLY);
    return remembered_file_digests(
        bench.fixture.store, fd.get(), "b-1.ebuild", algorithms,
        [&] {
          ++reads;
          std::vector<Digest> digests;
          for (const HashAlgorithm algorithm : algorithms) {
            Hasher hasher(algorithm);
            hasher.update(sys::read_file(bench.tree.fd(), "a/b/b-1.ebuild"));
            digests.push_back(hasher.finish());
          }
          return digests;
        },
        now);
  };
  (void)ask(both, 0);
  CHECK(ask(both, bench.later) == ask(both, bench.later));
  CHECK(reads == 2);  // the first was too fresh to be remembered
  CHECK(ask(both, bench.later).front() == sha256("EAPI=8\n"));
  CHECK(ask(both, bench.later).back().algorithm() == HashAlgorithm::blake2b);
  (void)ask({HashAlgorithm::sha512}, bench.later);
  CHECK(reads == 3);
  bench.tree.file("a/b/b-1.ebuild", "EAPI=9\n");
  CHECK(ask(both, bench.later).front() == sha256("EAPI=9\n"));
  CHECK(reads == 4);
}
