#include "gbox/content/paths.h"

#include <doctest/doctest.h>

#include "../tree.h"

using namespace gbox;
using namespace gbox::content;
using State = Resolved::State;

namespace {

// A merged /usr, a library with its links, and links that mean no good.
class Merged : public test::Tree {
 public:
  Merged() {
    file("usr/lib64/libx.so.1.2", "elf");
    link("usr/lib64/libx.so.1", "libx.so.1.2");
    link("usr/lib64/libx.so", "/usr/lib64/libx.so.1");
    link("lib64", "usr/lib64");
    link("bin", "usr/bin");
    link("usr/bin", "../../../../bin");  // in a circle, and up past the root
    link("up", "../../../etc/passwd");
    link("gone", "usr/nowhere/file");
    file("etc/passwd", "root");
  }
};

}  // namespace

TEST_CASE("a path is told as it is without links among its parents") {
  const Merged root;
  DiskPaths paths(root.fd());
  CHECK(paths.canonical("/lib64/libx.so.1") == "/usr/lib64/libx.so.1");
  CHECK(paths.canonical("/lib64/gone") == "/usr/lib64/gone");
  CHECK(paths.canonical("/x") == "/x");
  CHECK(paths.canonical("/none/x") == "/none/x");
}

TEST_CASE("links are followed to their end, inside the root") {
  const Merged root;
  DiskPaths paths(root.fd());
  const Resolved whole = paths.find("/lib64/libx.so", Follow::all);
  CHECK(whole.state == State::found);
  CHECK(whole.path == "/usr/lib64/libx.so.1.2");
  CHECK(whole.seen->kind == Seen::Kind::file);
  CHECK(paths.find("/lib64/libx.so", Follow::parents).seen->target == "/usr/lib64/libx.so.1");
  // As after chroot: '..' at the root stays there.
  CHECK(paths.find("/up", Follow::all).path == "/etc/passwd");
  CHECK(paths.find("../../etc/passwd", Follow::all).state == State::found);
}

TEST_CASE("what is not there, or leads in circles, is told with the place where it ends") {
  const Merged root;
  DiskPaths paths(root.fd());
  const Resolved gone = paths.find("/gone", Follow::all);
  CHECK(gone.state == State::missing);
  CHECK(gone.path == "/usr/nowhere/file");
  CHECK(paths.find("/bin/x", Follow::all).state == State::loop);
  CHECK(paths.find("/etc/passwd/x", Follow::all).state == State::missing);
  // A slash at the end asks for what a link leads to, and a file is no directory.
  CHECK(paths.find("/lib64/", Follow::parents).path == "/usr/lib64");
  CHECK(paths.find("/", Follow::all).path == "/");
}

TEST_CASE("links that grow without end are given up") {
  const auto look = [](const std::string&) -> std::optional<Seen> {
    return Seen{Seen::Kind::link, "a/a/a/a/a/a/a/a"};
  };
  CHECK(resolve(look, "/x", Follow::all).state == State::loop);
  const auto deep = [](const std::string&) -> std::optional<Seen> {
    return Seen{Seen::Kind::directory, {}};
  };
  std::string path;
  for (int i = 0; i < 20000; ++i) path += "/a";
  CHECK(resolve(deep, path, Follow::all).state == State::missing);
}
