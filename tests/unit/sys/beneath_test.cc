#include "gbox/sys/beneath.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

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

TEST_CASE("a directory of somebody else's tree is opened, or is none") {
  const TempDir dir("/tmp", "gbox-test-");
  mkdirat(dir.fd(), "in", 0755);
  symlinkat("/in", dir.fd(), "link");
  symlinkat("loop", dir.fd(), "loop");
  write_file_atomically(dir.fd(), "file", "x");
  for (const char* path : {"/", "", "in", "//in", "link", "/../in"})
    CHECK_MESSAGE(try_open_directory(dir.fd(), path).has_value(), path);
  for (const char* path : {"none", "file", "loop", "loop/in", "file/in"})
    CHECK_MESSAGE(!try_open_directory(dir.fd(), path).has_value(), path);
  CHECK(try_open_directory(dir.fd(), "/in", Resolve::no_symlinks));
  CHECK_FALSE(try_open_directory(dir.fd(), "/link", Resolve::no_symlinks));
}

TEST_CASE("a file of somebody else's tree is read up to a limit, and pipes are not waited for") {
  const TempDir dir("/tmp", "gbox-test-");
  write_file_atomically(dir.fd(), "file", "four");
  symlinkat("file", dir.fd(), "link");
  symlinkat("loop", dir.fd(), "loop");
  REQUIRE(::mkfifoat(dir.fd(), "pipe", 0644) == 0);
  CHECK(try_read_beneath(dir.fd(), "file", 4, Resolve::beneath) == "four");
  CHECK_FALSE(try_read_beneath(dir.fd(), "file", 3, Resolve::beneath));
  CHECK(try_read_beneath(dir.fd(), "link", 4, Resolve::in_root) == "four");
  CHECK_FALSE(try_read_beneath(dir.fd(), "link", 4, Resolve::no_symlinks));
  for (const char* path : {"none", "loop", "pipe", ".", "file/x"})
    CHECK_MESSAGE(!try_read_beneath(dir.fd(), path, 100, Resolve::in_root).has_value(), path);
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
