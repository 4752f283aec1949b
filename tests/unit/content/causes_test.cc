#include "gbox/content/causes.h"

#include <doctest/doctest.h>

using namespace gbox::content;

namespace {

const BuildMarks kFirst{1'790'000'000, 1'790'000'500, {"gbox"}, {"/home/a/store"}};
const BuildMarks kSecond{1'790'001'000, 1'790'001'500, {"elsewhere"}, {"/scratch/two"}};

std::string cause(std::string_view path, std::string_view first, std::string_view second) {
  return cause_of_difference(path, first, second, kFirst, kSecond);
}

std::string member(const std::string& name, const char* time) {
  return name + std::string(16 - name.size(), ' ') + time + "  0     0     100644  4         `\n" +
         name.substr(0, 3) + "\n";
}

}  // namespace

TEST_CASE("each kind of difference is told by its own words") {
  using namespace std::string_literals;
  CHECK(cause("x.pyc", "\xa7\r\r\n\0\0\0\0abcdSIZEcode"s, "\xa7\r\r\n\0\0\0\0efghSIZEcode"s) ==
        "bytecode that goes by its source's time");
  CHECK(cause("x.gz", "\x1f\x8b\x08\0aaaa\0\x03rest"s, "\x1f\x8b\x08\0bbbb\0\x03rest"s) ==
        "the time of compressing is in its header");
  CHECK(cause("l.a", "!<arch>\n" + member("a.o/", "1790000001"),
              "!<arch>\n" + member("a.o/", "1790001001")) ==
        "an archive with the times of its members");
  CHECK(cause("l.a", "!<arch>\n" + member("a.o/", "0         ") + member("b.o/", "0         "),
              "!<arch>\n" + member("b.o/", "0         ") + member("a.o/", "0         ")) ==
        "an archive with its members in another order");
  CHECK(cause("list", "one\ntwo\nthree\n", "two\none\nthree\n") ==
        "the same lines in another order");
  CHECK(cause("etc/machine-id", "0123456789abcdef\n", "fedcba9876543210\n") ==
        "a key or identifier made at random");
  CHECK(cause("log", "built in /home/a/store/work\n", "built in /scratch/two/work\n") ==
        "a path of the build is in it");
  CHECK(cause("conf", "host=gbox\n", "host=elsewhere\n") == "the name of the host is in it");
  CHECK(cause("conf", "MAKEOPTS=-j2\n", "MAKEOPTS=-j3\n") == "the number of jobs is in it");
  CHECK(cause("date", "Mon Sep 21 14:13:21 UTC 2026\n", "Mon Sep 21 14:30:01 UTC 2026\n") ==
        "the time of the build is in it");
  CHECK(cause("stamp", "t=1790000044\n", "t=1790001044\n") == "the time of the build is in it");
  CHECK(cause("bin", "\0\x01\x81\x3b\xb1\x6a\0"s, "\0\x01\x69\x3f\xb1\x6a\0"s) ==
        "the time of the build is in it, as a number");
  CHECK(cause("id", "id=8f3ac2d17be4\n", "id=17c09be3fa52\n") ==
        "a random number, or a digest of what differs");
  CHECK(cause("table", "\0ab\0cd"s, "\0cd\0ab"s) == "the same bytes in another order");
  CHECK(cause("other", "true\n", "false\n") == "unknown");
}

TEST_CASE("a time that both builds have in common is not taken for the cause") {
  CHECK(cause("conf", "made 2001-01-01, value yes\n", "made 2001-01-01, value no\n") == "unknown");
}
