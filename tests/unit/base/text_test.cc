#include "gbox/base/text.h"

#include <doctest/doctest.h>

using namespace gbox;

TEST_CASE("bytes that would drive a terminal are made visible") {
  CHECK(printable("a\x1b[2Jb\r") == "a?[2Jb?");
  CHECK(printable("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  CHECK(printable("\xc2\x9b"
                  "31m") == "??31m");  // C1 CSI spelled as UTF-8
  CHECK(printable("\xff\xe2\x82") == "???");
  CHECK(quoted("it's\n") == "'it\\'s?'");
}

TEST_CASE("a slip of the pen is recognised, another word is not") {
  const std::vector<std::string> keys = {"packages", "profile", "mirror"};
  CHECK(nearest("pakages", keys) == "packages");
  CHECK(nearest("porfile", keys) == "profile");
  CHECK(nearest("zebra", keys).empty());
  CHECK(nearest(std::string(100000, 'a'), keys).empty());
}

TEST_CASE("sizes and durations read like a person writes them") {
  CHECK(human_size(1023) == "1023 B");
  CHECK(human_size(88185242) == "84.1 MiB");
  CHECK(human_duration(52.2) == "0:52");
  CHECK(human_duration(3723) == "1:02:03");
}

TEST_CASE("splitting keeps empty fields, words do not") {
  CHECK(split("a::b", ':') == std::vector<std::string>{"a", "", "b"});
  CHECK(split_words("  a\t b \n") == std::vector<std::string>{"a", "b"});
  CHECK(join({"a", "b"}, ", ") == "a, b");
}
