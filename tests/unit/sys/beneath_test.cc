#include "gbox/sys/beneath.h"

#include <doctest/doctest.h>

#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::sys;

TEST_CASE("a path beneath a directory cannot leave it") {
  const TempDir dir("/tmp", "gbox-test-");
  mkdirat(dir.fd(), "in", 0755);
  symlinkat("/etc", dir.fd(), "abs");
  symlinkat("../../etc", dir.fd(), "rel");
  for (const char* path : {"../x", "abs/passwd", "rel/passwd", "/etc/passwd"}) {
    CAPTURE(path);
    CHECK_THROWS_AS(open_beneath(dir.fd(), path, O_RDONLY, Resolve::beneath), Error);
  }
  CHECK_FALSE(try_open_beneath(dir.fd(), "abs/passwd", O_RDONLY, Resolve::in_root));
  CHECK(try_open_beneath(dir.fd(), "../../in", O_RDONLY, Resolve::in_root));
  CHECK_THROWS_AS(open_beneath(dir.fd(), "abs", O_RDONLY, Resolve::no_symlinks), Error);
}

TEST_CASE("directories are made inside the root, also through its links") {
  const TempDir dir("/tmp", "gbox-test-");
  mkdirat(dir.fd(), "real", 0755);
  symlinkat("/real", dir.fd(), "link");
  symlinkat("/nowhere/at/all", dir.fd(), "dangling");
  std::string first_made;
  (void)ensure_directories_in_root(dir.fd(), "/link/a/b", 0755, &first_made);
  CHECK(first_made == "link/a");
  CHECK(try_fstatat(dir.fd(), "real/a/b", 0));
  CHECK_THROWS_AS(ensure_directories_in_root(dir.fd(), "dangling/x"), Error);
  (void)ensure_directories_in_root(dir.fd(), "real/a", 0755, &first_made);
  CHECK(first_made.empty());
}

TEST_CASE("paths are normalized or refused") {
  CHECK(normalized_relative("//a/./b//") == "a/b");
  CHECK(normalized_relative("/").empty());
  CHECK_THROWS_AS(normalized_relative("a/../b"), Error);
  CHECK_THROWS_AS(normalized_relative(std::string_view("a\0b", 3)), Error);
  CHECK(split_last("a/b/c") == std::pair<std::string, std::string>("a/b", "c"));
  CHECK(split_last("a") == std::pair<std::string, std::string>("", "a"));
}
