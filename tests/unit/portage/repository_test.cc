// Ebuild repositories: what makes one, which profile it has, when its digest changes.
#include "gbox/portage/repository.h"

#include <doctest/doctest.h>

#include "../tree.h"

using namespace gbox;
using namespace gbox::portage;
using test::Tree;

namespace {

spec::Repository repository(const std::string& name) {
  spec::Repository result;
  result.name = name;
  result.source_where = {"s.toml", 7, 8};
  return result;
}

Tree gentoo() {
  Tree tree;
  tree.file("profiles/repo_name", "gentoo\n")
      .file("metadata/layout.conf", "masters =\n")
      .file("profiles/default/linux/amd64/23.0/parent", "..\n")
      .file("profiles/default/linux/amd64/23.0/no-multilib/parent", "..\n")
      .file("a/b/b-1.ebuild", "EAPI=8\n");
  return tree;
}

struct Said {
  std::string message;
  std::string hint;
};

Said check_fails(const std::string& name, const std::string& path) {
  try {
    (void)check_repository(repository(name), path);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::input);
    return {error.message(), error.hint()};
  }
  return {"no error", ""};
}

}  // namespace

TEST_CASE("a directory with a name and a layout is a repository") {
  const Tree tree = gentoo();
  const CheckedRepository checked = check_repository(repository("gentoo"), tree.path());
  CHECK(checked.name == "gentoo");
  CHECK(checked.warnings.empty());
  check_profile(checked, "default/linux/amd64/23.0", {});
}

TEST_CASE("what is no repository is refused with the reason and the spec's line") {
  Tree tree;
  tree.file("file").file("gentoo-20260101/profiles/repo_name", "gentoo\n").directory("empty");
  const auto said = [&](const std::string& below) {
    return check_fails("gentoo", tree.path(below));
  };
  const std::string start = "s.toml:7:8: repository 'gentoo': ";
  const std::string general = "give 'path' a directory that holds 'profiles' and 'metadata'";

  Said got = said("absent");
  CHECK(got.message == start + "there is no directory '" + tree.path("absent") + "'");
  CHECK(got.hint == general);
  CHECK(said("file").message == start + "'" + tree.path("file") + "' is not a directory");
  CHECK(said("empty").message == start + "'" + tree.path("empty") +
                                     "' is no ebuild repository: it has no 'profiles/repo_name'");
  CHECK(said("").hint == "did you mean '" + tree.path("gentoo-20260101") + "'?");
  CHECK(said("gentoo-20260101").message == start + "'" + tree.path("gentoo-20260101") +
                                               "' is no ebuild repository: it has no "
                                               "'metadata/layout.conf'");
}

TEST_CASE("a repository under another name than its own is refused: Portage would drop it") {
  Tree tree = gentoo();
  Said got = check_fails("guru", tree.path());
  CHECK(got.message == "s.toml:7:8: repository 'guru': '" + tree.path() +
                           "' calls itself 'gentoo' in 'profiles/repo_name'");
  CHECK(got.hint == "call it [repos.gentoo] in the spec");
  tree.file("profiles/repo_name", "# nothing\n\n");
  CHECK(check_fails("gentoo", tree.path()).hint == "write its name into that file");
}

TEST_CASE("a large tree without a metadata cache is a warning that says what it costs") {
  Tree tree = gentoo();
  std::string categories;
  for (int i = 0; i < 60; ++i) categories += "cat-" + std::to_string(i) + "\n";
  tree.file("profiles/categories", categories);
  CHECK(check_repository(repository("gentoo"), tree.path()).warnings.size() == 1);
  tree.directory("metadata/md5-cache");
  CHECK(check_repository(repository("gentoo"), tree.path()).warnings.empty());
}

TEST_CASE("a profile that is not there is answered with the nearest one that is") {
  Tree tree = gentoo();
  const auto hint_of = [&](const std::string& profile) -> std::string {
    const CheckedRepository checked = check_repository(repository("gentoo"), tree.path());
    try {
      check_profile(checked, profile, {"s.toml", 9, 11});
    } catch (const SpecError& error) {
      REQUIRE(error.faults().size() == 1);
      CHECK(error.faults()[0].message == "repository 'gentoo' has no profile '" + profile + "'");
      CHECK(error.faults()[0].where.line == 9);
      return error.faults()[0].hint;
    }
    return "no error";
  };
  CHECK(hint_of("default/linux/amd64/17.1") == "did you mean 'default/linux/amd64/23.0'?");
  CHECK(hint_of("default/linux/amd64") ==
        "did you mean 'default/linux/amd64/23.0'?");  // a directory, but no profile
  CHECK(hint_of("zebra") ==
        "it has 'default/linux/amd64/23.0' and 'default/linux/amd64/23.0/no-multilib'");
  tree.file("profiles/profiles.desc", "# arch profile status\namd64 default/x stable\n");
  CHECK(hint_of("default/y") == "did you mean 'default/x'?");
  CHECK(hint_of("../../../etc") != "no error");
}

TEST_CASE("a profile behind a link that leaves the repository is none") {
  Tree outside;
  outside.file("parent", "x");
  Tree tree = gentoo();
  tree.link("profiles/evil", outside.path());
  const CheckedRepository checked = check_repository(repository("gentoo"), tree.path());
  CHECK_THROWS_AS(check_profile(checked, "evil", {}), SpecError);
}

TEST_CASE(
    "a tree's digest changes with content, names, kinds and the run bit, and with nothing else") {
  Tree tree = gentoo();
  tree.link("l", "a").file("x", "1");
  const Digest first = tree_digest(tree.fd());
  CHECK(tree_digest(tree.fd()) == first);
  const timespec times[2] = {{1, 0}, {1, 0}};
  REQUIRE(::utimensat(tree.fd(), "x", times, 0) == 0);
  CHECK(tree_digest(tree.fd()) == first);

  std::vector<Digest> seen = {first};
  const auto differs = [&] {
    const Digest now = tree_digest(tree.fd());
    for (const Digest& digest : seen) CHECK(digest != now);
    seen.push_back(now);
  };
  tree.file("x", "2");
  differs();
  tree.file("x", "2", 0755);
  differs();
  const Digest executable = tree_digest(tree.fd());
  tree.file("x", "2", 0700);
  CHECK(tree_digest(tree.fd()) == executable);  // the rest of a mode is a checkout's umask
  tree.file("y", "");
  differs();
  tree.directory("z");
  differs();
  sys::unlinkat(tree.fd(), "l", 0);
  tree.link("l", "b");
  differs();
  sys::unlinkat(tree.fd(), "l", 0);
  tree.file("l", "b");
  differs();
}

TEST_CASE("moving bytes between names and contents gives another digest") {
  Tree a;
  Tree b;
  a.file("ab", "c").file("d", "");
  b.file("a", "bc").file("d", "");
  CHECK(tree_digest(a.fd()) != tree_digest(b.fd()));
  Tree c;
  Tree d;
  c.file("x/y", "").directory("z");
  d.directory("x/z").file("y", "");
  CHECK(tree_digest(c.fd()) != tree_digest(d.fd()));
}

TEST_CASE("a repository's digest ignores what cannot change a build, and only that") {
  Tree tree = gentoo();
  const Digest first = repository_digest(tree.fd());
  tree.file(".git/HEAD", "x").file("metadata/md5-cache/a/b-1", "x");
  tree.file("metadata/timestamp.chk", "x").file("Manifest", "x");
  tree.file("a/b/b-1.ebuild", "EAPI=8\n", 0600);
  CHECK(repository_digest(tree.fd()) == first);
  tree.file("a/b/Manifest", "DIST x");
  const Digest second = repository_digest(tree.fd());
  CHECK(second != first);
  tree.file("a/.git", "x");
  CHECK(repository_digest(tree.fd()) != second);
}

TEST_CASE("links in a tree are not followed, pipes are refused, not waited for") {
  Tree outside;
  outside.file("f", "1");
  Tree tree;
  tree.link("out", outside.path());
  const Digest first = tree_digest(tree.fd());
  outside.file("f", "2");
  CHECK(tree_digest(tree.fd()) == first);
  REQUIRE(::mkfifoat(tree.fd(), "pipe", 0644) == 0);
  CHECK_THROWS_WITH((void)tree_digest(tree.fd()),
                    "read 'pipe': neither a file nor a directory nor a link");
}

TEST_CASE("a tree that nests without end is refused before descriptors run out") {
  Tree tree;
  std::string path = "d";
  for (int i = 0; i < 200; ++i) path += "/d";
  tree.directory(path);
  CHECK_THROWS_AS((void)tree_digest(tree.fd()), Error);
}
