// Repositories of git on this machine, by file URLs and by the dumb HTTP that any server of files
// speaks. Skipped with a word where git is missing.
#include "git_tree.h"

#include <cstdio>
#include <cstdlib>

#include "../store/fixture.h"
#include "gbox/sys/process.h"
#include "silent_observer.h"

using namespace gbox;
using namespace gbox::build;
using namespace gbox::build::test;

namespace {

// A repository with the history that the cases below ask for, made by a git of its own manners.
class Origin {
 public:
  Origin() {
    shell(
        "git init -q -b master . && mkdir profiles && echo gentoo > profiles/repo_name &&"
        "echo one > ebuild && chmod 755 ebuild && git add -A && git commit -q -m 1 &&"
        "git tag -a -m t v1 && git tag both &&"
        "git checkout -q -b stable && echo two > ebuild && git commit -qam 2 &&"
        "git checkout -q -b both && echo b > ebuild && git commit -qam b &&"
        "git checkout -q master && echo three > ebuild && ln -s ebuild link && git add -A &&"
        "git commit -qam 3");
  }
  std::string shell(const std::string& script) const {
    const sys::HelperOutput output = sys::capture_helper(
        {"/bin/sh", "-ec", "cd " + dir_.path() + "; " + script}, "make a repository",
        {.environment = {"PATH=/usr/bin:/bin", "HOME=" + dir_.path(), "GIT_AUTHOR_NAME=a",
                         "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a",
                         "GIT_COMMITTER_EMAIL=a@example.org"}});
    CAPTURE(output.errors);
    CHECK(output.status.code == 0);
    return output.output.substr(0, output.output.find('\n'));
  }
  [[nodiscard]] std::string commit(const std::string& rev) const {
    return shell("git rev-parse " + rev);
  }
  [[nodiscard]] GitSource source(const std::string& rev = {}) const {
    return {"gentoo", "file://" + dir_.path(), rev};
  }
  [[nodiscard]] const std::string& path() const { return dir_.path(); }

 private:
  sys::TempDir dir_{"/tmp", "gbox-test-"};
};

struct GitBench {
  store::test::Fixture fixture;
  SilentObserver observer;
  sys::FileLock lease = fixture.store.lease("test");
  OpenedTree open(const GitSource& source, const std::string& commit) {
    return open_git_tree(fixture.store, source, commit, observer);
  }
};

struct GitRefusal {
  std::string message = "no error";
  std::string hint;
};
template <class Action>
GitRefusal git_refusal(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::input);
    return {error.message(), error.hint()};
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a branch, a tag, a full name, HEAD and a commit each resolve to a commit") {
  const Origin origin;
  SilentObserver observer;
  const auto resolve = [&](const std::string& rev) {
    return resolve_git(origin.source(rev), observer);
  };
  CHECK(resolve("") == origin.commit("master"));
  CHECK(resolve("HEAD") == origin.commit("master"));
  CHECK(resolve("stable") == origin.commit("stable"));
  CHECK(resolve("v1") == origin.commit("v1^{commit}"));
  CHECK(resolve("refs/tags/both") == origin.commit("refs/tags/both"));
  CHECK(resolve("refs/heads/both") == origin.commit("refs/heads/both"));
  const std::string commit(40, 'a');
  CHECK(resolve_git({"gentoo", "file:///nonexistent", commit}, observer) == commit);
}

TEST_CASE("a rev that is not there is told with what is") {
  const Origin origin;
  SilentObserver observer;
  const auto refused = [&](const std::string& rev) {
    return git_refusal([&] { (void)resolve_git(origin.source(rev), observer); });
  };
  CHECK(refused("stabel").message == "fetch repository 'gentoo' from 'file://" + origin.path() +
                                         "': it has no branch or tag 'stabel'");
  CHECK(refused("stabel").hint == "did you mean 'stable'?");
  CHECK(refused("something else").hint == "it has both, master, stable, both, v1, …");
  CHECK(refused(origin.commit("stable").substr(0, 12)).hint ==
        "a commit is named by all its 40 digits");
  CHECK(contains(refused("both").message, "'both' is a branch and a tag"));
  const GitRefusal nowhere = git_refusal([&] {
    (void)resolve_git({"gentoo", "file:///nonexistent/x", "master"}, observer);
  });
  CHECK(contains(nowhere.message,
                 "fetch repository 'gentoo' from 'file:///nonexistent/x': '/nonexistent/x' does "
                 "not appear to be a git repository"));
  for (const char* url : {"--upload-pack=touch /tmp/x", "ext::sh -c x"})
    CHECK(contains(git_refusal([&] {
                     (void)resolve_git({"gentoo", url, "x"}, observer);
                   }).message,
                   "that is no URL of a git repository"));
}

TEST_CASE("a commit becomes a tree without history, once, and then needs no remote") {
  const Origin origin;
  GitBench bench;
  const std::string commit = origin.commit("stable");
  CHECK_FALSE(has_git_tree(bench.fixture.store, commit));
  const OpenedTree tree = bench.open(origin.source(), commit);
  CHECK(sys::read_file(tree.directory.get(), "ebuild") == "two\n");
  CHECK((sys::fstatat(tree.directory.get(), "ebuild", 0).st_mode & 07777) == 0755);
  CHECK((sys::fstatat(tree.directory.get(), "profiles/repo_name", 0).st_mode & 07777) == 0644);
  CHECK_FALSE(sys::try_fstatat(tree.directory.get(), ".git", 0));
  CHECK(tree.digest == "git-tree-1:" + commit);
  CHECK(has_git_tree(bench.fixture.store, commit));
  CHECK(bench.open({"gentoo", "file:///nonexistent", ""}, commit).path == tree.path);
  const std::string cache = bench.fixture.path() + "/git/" + sha256(origin.source().url).hex();
  CHECK(origin.shell("git --git-dir=" + cache + " rev-list --count --all") == "1");
  // The next one comes into the same place; also a commit that only history names.
  const std::string first = origin.commit("v1^{commit}");
  CHECK(sys::read_file(bench.open(origin.source(), first).directory.get(), "ebuild") == "one\n");
  CHECK(bench.fixture.names("git").size() == 1);
  bench.lease.reset();
  store::GcPolicy policy;
  policy.max_bytes = 0;
  CHECK(bench.fixture.store.collect_garbage(policy).inputs == 1);
  CHECK(bench.fixture.names("git").empty());
}

TEST_CASE("what a repository says of itself does not change its files") {
  const Origin origin;
  origin.shell(
      "echo h > hidden; echo '$Format:%H$' > subst; echo '$Id$' > ident; echo w > wide; echo f > f;"
      "git add -A; printf '* text eol=crlf\\nhidden export-ignore\\nident ident\\n"
      "subst export-subst\\nwide working-tree-encoding=UTF-16\\nf filter=evil\\n' > .gitattributes;"
      "git add .gitattributes; git commit -qm attributes");
  GitBench bench;
  const OpenedTree tree = bench.open(origin.source(), origin.commit("master"));
  for (const std::string name : {"hidden", "subst", "ident", "wide", "f", "ebuild"}) {
    CAPTURE(name);
    CHECK(sys::read_file(tree.directory.get(), name) ==
          origin.shell("git cat-file blob master:" + name) + '\n');
  }
}

TEST_CASE("submodules are left out with a word, hooks and the caller's configuration do nothing") {
  const Origin origin;
  origin.shell("git -c protocol.file.allow=always submodule --quiet add " + origin.path() +
               " sub && git commit -qm sub");
  const std::string trap = origin.path() + "/trap";
  sys::write_file_atomically(AT_FDCWD, origin.path() + "/gitconfig",
                             "[core]\nsshCommand = touch " + trap + "\n[url \"file:///evil\"]\n" +
                                 "insteadOf = file://" + origin.path() + "\n");
  (void)::setenv("GIT_CONFIG_GLOBAL", (origin.path() + "/gitconfig").c_str(), 1);
  (void)::setenv("GIT_DIR", "/evil", 1);
  GitBench bench;
  const OpenedTree tree = bench.open(origin.source(), origin.commit("master"));
  (void)::unsetenv("GIT_CONFIG_GLOBAL");
  (void)::unsetenv("GIT_DIR");
  CHECK(sys::list_directory(sys::openat(tree.directory.get(), "sub", O_RDONLY | O_DIRECTORY).get(),
                            "sub")
            .empty());
  REQUIRE(bench.observer.warnings.size() == 1);
  CHECK(bench.observer.warnings.front().message ==
        "repository 'gentoo': its submodules are left out");
  CHECK_FALSE(sys::try_fstatat(AT_FDCWD, trap, 0));
}

TEST_CASE("a commit that is not there, and one that is no repository, leave no snapshot") {
  const Origin origin;
  GitBench bench;
  const std::string none(40, '1');
  const GitRefusal missing = git_refusal([&] { (void)bench.open(origin.source(), none); });
  CHECK(missing.message == "fetch repository 'gentoo' from 'file://" + origin.path() +
                               "': it has no commit '" + none + "'");
  CHECK(contains(missing.hint, "gbox lock --update gentoo"));
  origin.shell("git rm -rq profiles && git commit -qm gone");
  CHECK(contains(
      git_refusal([&] { (void)bench.open(origin.source(), origin.commit("master")); }).message,
      "it holds no ebuild repository"));
  CHECK(bench.fixture.names("snapshots").empty());
  CHECK(bench.fixture.names("work").empty());
}

TEST_CASE("what a killed git left in the store is in nobody's way") {
  const Origin origin;
  GitBench bench;
  (void)bench.open(origin.source(), origin.commit("stable"));
  const std::string cache = bench.fixture.path() + "/git/" + sha256(origin.source().url).hex();
  for (const char* lock : {"/shallow.lock", "/config.lock", "/packed-refs.lock"})
    sys::write_file_atomically(AT_FDCWD, cache + lock, "");
  CHECK(sys::read_file(bench.open(origin.source(), origin.commit("master")).directory.get(),
                       "ebuild") == "three\n");
}

TEST_CASE("a server of plain files gives its history when it cannot give one commit") {
  const Origin origin;
  origin.shell("git update-server-info");
  // The port comes from the server's first line; the server dies with its standard input.
  const std::string script =
      "import http.server, socketserver, sys, threading, functools\n"
      "handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])\n"
      "server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), handler)\n"
      "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
      "print(server.server_address[1], flush=True)\n"
      "threading.Event().wait(60)\n";
  sys::RunningHelper server(
      {"/usr/bin/env", "python3", "-c", script, origin.path()}, "serve",
      {.environment = {"PATH=/usr/bin:/bin:" + std::string(std::getenv("PATH"))}});
  std::string port(1, '\0');
  std::string line;
  while (sys::read_full(server.output(), std::as_writable_bytes(std::span(port)), "port") == 1 &&
         port != "\n")
    line += port;
  GitBench bench;
  GitSource source = origin.source("stable");
  source.url = "http://127.0.0.1:" + line + "/.git";
  const std::string commit = resolve_git(source, bench.observer);
  CHECK(commit == origin.commit("stable"));
  CHECK(sys::read_file(bench.open(source, commit).directory.get(), "ebuild") == "two\n");
  const std::string first = origin.commit("v1^{commit}");
  CHECK(sys::read_file(bench.open(source, first).directory.get(), "ebuild") == "one\n");
  const std::string none(40, '2');
  CHECK(contains(git_refusal([&] { (void)bench.open(source, none); }).message,
                 "it has no commit '2"));
}
