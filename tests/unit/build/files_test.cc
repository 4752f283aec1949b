#include "files.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "gbox/base/error.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::build;
using sys::TempDir;

namespace {

std::string me() {
  return std::to_string(::geteuid()) + ':' + std::to_string(::getegid());
}

spec::Copy copy_to(const std::string& to) {
  spec::Copy copy;
  copy.to = to;
  copy.owner = me();
  return copy;
}

unsigned mode_of(const TempDir& dir, const std::string& path) {
  return sys::fstatat(dir.fd(), path, AT_SYMLINK_NOFOLLOW).st_mode & 07777;
}

}  // namespace

TEST_CASE("a file is copied to a name, into a directory, or into what is one already") {
  const TempDir source("/tmp", "gbox-test-");
  const TempDir root("/tmp", "gbox-test-");
  sys::write_file_atomically(source.fd(), "f", "text", 0640);
  sys::write_file_atomically(source.fd(), "tool", "#!", 0700);
  sys::ensure_directories(root.fd(), "etc/conf.d");
  copy_into(root.fd(), "/", copy_to("/opt/name"), source.path() + "/f");
  copy_into(root.fd(), "/", copy_to("/srv/"), source.path() + "/f");
  copy_into(root.fd(), "/", copy_to("/etc/conf.d"), source.path() + "/tool");
  CHECK(sys::read_file(root.fd(), "opt/name") == "text");
  CHECK(sys::read_file(root.fd(), "srv/f") == "text");
  // Modes of a checkout are not carried over, being a program is.
  CHECK(mode_of(root, "opt/name") == 0644);
  CHECK(mode_of(root, "etc/conf.d/tool") == 0755);
  CHECK(sys::fstatat(root.fd(), "opt/name", 0).st_mtime == 315532800);
}

TEST_CASE("a mode that is asked for holds, setuid included") {
  const TempDir source("/tmp", "gbox-test-");
  const TempDir root("/tmp", "gbox-test-");
  sys::write_file_atomically(source.fd(), "f", "x");
  spec::Copy copy = copy_to("/f");
  copy.mode = 04750;
  copy_into(root.fd(), "/", copy, source.path() + "/f");
  CHECK(mode_of(root, "f") == 04750);
}

TEST_CASE("a directory's content is merged into the target") {
  const TempDir source("/tmp", "gbox-test-");
  const TempDir root("/tmp", "gbox-test-");
  sys::ensure_directories(source.fd(), "d/sub");
  sys::write_file_atomically(source.fd(), "d/sub/a", "1");
  sys::symlinkat("sub/a", source.fd(), "d/link");
  sys::ensure_directories(root.fd(), "etc/sub");
  sys::write_file_atomically(root.fd(), "etc/sub/kept", "2");
  copy_into(root.fd(), "/", copy_to("/etc"), source.path() + "/d");
  CHECK(sys::read_file(root.fd(), "etc/sub/a") == "1");
  CHECK(sys::read_file(root.fd(), "etc/sub/kept") == "2");
  CHECK(sys::readlinkat(root.fd(), "etc/link") == "sub/a");
}

TEST_CASE("nothing is written outside the root or through a link in it") {
  const TempDir source("/tmp", "gbox-test-");
  const TempDir outside("/tmp", "gbox-test-");
  const TempDir root("/tmp", "gbox-test-");
  sys::write_file_atomically(source.fd(), "f", "new");
  sys::write_file_atomically(outside.fd(), "victim", "old");
  sys::symlinkat(outside.path(), root.fd(), "escape");
  sys::symlinkat(outside.path() + "/victim", root.fd(), "victim");
  // The link leads to the same path inside the root, which does not exist there.
  CHECK_THROWS_AS(copy_into(root.fd(), "/", copy_to("/escape/f"), source.path() + "/f"), Error);
  copy_into(root.fd(), "/", copy_to("/victim"), source.path() + "/f");
  CHECK(sys::read_file(outside.fd(), "victim") == "old");
  CHECK(sys::list_directory(outside.fd(), "outside") == std::vector<std::string>{"victim"});
  CHECK(sys::read_file(root.fd(), "victim") == "new");
}

TEST_CASE("remove takes what matches and nothing else") {
  const TempDir root("/tmp", "gbox-test-");
  sys::ensure_directories(root.fd(), "usr/lib/sub");
  for (const char* name : {"usr/lib/a.a", "usr/lib/b.a", "usr/lib/c.so", "usr/lib/.hidden.a"})
    sys::write_file_atomically(root.fd(), name, "");
  sys::symlinkat("usr/lib", root.fd(), "lib");
  CHECK(remove_matching(root.fd(), "/", "/lib/*.a").entries == 2);
  CHECK(sys::list_directory(sys::openat(root.fd(), "usr/lib", O_RDONLY).get(), "x") ==
        std::vector<std::string>{".hidden.a", "c.so", "sub"});
  CHECK(remove_matching(root.fd(), "/", "/usr/*/sub").entries == 1);
  CHECK(remove_matching(root.fd(), "/", "/usr/nothing*").entries == 0);
  CHECK(remove_matching(root.fd(), "/usr", "/lib").entries == 1);
  CHECK(remove_matching(root.fd(), "/", "/lib").entries ==
        1);  // the link itself, which now dangles
}

TEST_CASE("what is removed is measured, a file of two names once, and nothing behind a link") {
  const TempDir root("/tmp", "gbox-test-");
  const TempDir outside("/tmp", "gbox-test-");
  sys::write_file_atomically(outside.fd(), "victim", "12345678");
  sys::ensure_directories(root.fd(), "usr/doc/sub");
  sys::write_file_atomically(root.fd(), "usr/doc/sub/a", "12345");
  sys::linkat(root.fd(), "usr/doc/sub/a", root.fd(), "usr/doc/b");
  sys::symlinkat(outside.path(), root.fd(), "usr/doc/out");
  const Removed removed = remove_matching(root.fd(), "/", "/usr/d*");
  CHECK(removed.entries == 1);
  CHECK(removed.bytes == 5);
  CHECK(removed.files == 3);
  CHECK(sys::read_file(outside.fd(), "victim") == "12345678");
}

TEST_CASE("what was saved is read back from a record as it was written") {
  const std::vector<Saving> savings = {{{}, "trim docs", 5, 2, {}},
                                       {{}, "unmerge a/b", 7, 1, {"a/b-1"}}};
  const std::vector<Saving> read = savings_of(Json{{"saved", to_json(savings)}});
  REQUIRE(read.size() == 2);
  CHECK(read[0].line == "trim docs");
  CHECK(read[0].bytes == 5);
  CHECK(read[1].packages == std::vector<std::string>{"a/b-1"});
  CHECK(savings_of(Json()).empty());
  CHECK(savings_of(Json{{"saved", {1, {{"line", 3}}, {{"bytes", 3}}}}}).empty());
}

TEST_CASE("remove leaves alone what a link points to outside") {
  const TempDir outside("/tmp", "gbox-test-");
  const TempDir root("/tmp", "gbox-test-");
  sys::write_file_atomically(outside.fd(), "victim", "old");
  sys::symlinkat(outside.path(), root.fd(), "escape");
  sys::symlinkat("../../../../../../" + outside.path(), root.fd(), "dots");
  CHECK(remove_matching(root.fd(), "/", "/escape/*").entries == 0);
  CHECK(remove_matching(root.fd(), "/", "/dots/*").entries == 0);
  CHECK(remove_matching(root.fd(), "/", "/e*").entries == 1);
  CHECK(sys::read_file(outside.fd(), "victim") == "old");
}
