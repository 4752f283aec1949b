#include "gbox/sys/file.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::sys;

TEST_CASE("an atomic write replaces the file and leaves nothing beside it") {
  const TempDir dir("/tmp", "gbox-test-");
  write_file_atomically(dir.fd(), "f", "one");
  write_file_atomically(dir.fd(), "f", "two", 0600);
  CHECK(read_file(dir.fd(), "f") == "two");
  CHECK((fstatat(dir.fd(), "f", 0).st_mode & 07777) == 0600);
  CHECK(list_directory(dir.fd(), "d") == std::vector<std::string>{"f"});
}

TEST_CASE("a failed atomic write keeps the old file") {
  const TempDir dir("/tmp", "gbox-test-");
  mkdirat(dir.fd(), "f", 0755);
  mkdirat(dir.fd(), "f/x", 0755);
  CHECK_THROWS_AS(write_file_atomically(dir.fd(), "f", "one"), Error);
  CHECK(list_directory(dir.fd(), "d") == std::vector<std::string>{"f"});
}

TEST_CASE("reading stops at the stated limit") {
  const TempDir dir("/tmp", "gbox-test-");
  write_file_atomically(dir.fd(), "f", std::string(5000, 'x'));
  CHECK(read_file(dir.fd(), "f", 5000).size() == 5000);
  CHECK_THROWS_WITH_AS(read_file(dir.fd(), "f", 4999), "read 'f': larger than 4.9 KiB", Error);
  CHECK_FALSE(try_read_file(dir.fd(), "none"));
}

TEST_CASE("removing a tree follows no link and opens what is closed") {
  const TempDir dir("/tmp", "gbox-test-");
  ensure_directories(dir.fd(), "tree/a/b/c");
  write_file_atomically(dir.fd(), "outside", "kept");
  symlinkat("../outside", dir.fd(), "tree/link");
  symlinkat("..", dir.fd(), "tree/a/up");
  REQUIRE(fchmodat(dir.fd(), "tree/a/b", 0, 0) == 0);
  remove_tree(dir.fd(), "tree");
  CHECK(list_directory(dir.fd(), "d") == std::vector<std::string>{"outside"});
  remove_tree(dir.fd(), "never-there");
}
