#include "entry_rules.h"

#include "fixture.h"

using namespace gbox;
using namespace gbox::layer;
using namespace gbox::layer::test;

TEST_CASE("harmless spellings of a name become one") {
  const UnpackLimits limits;
  CHECK(checked_path("a/b", limits) == "a/b");
  CHECK(checked_path("./a//b/", limits) == "a/b");
  CHECK(checked_path("./", limits).empty());
  CHECK(checked_path(".", limits).empty());
  CHECK(checked_path("..a/b..", limits) == "..a/b..");
  CHECK(checked_path("a\xff/\xc3\xa9", limits) == "a\xff/\xc3\xa9");
}

TEST_CASE("names that could reach elsewhere, or exhaust something, are refused") {
  UnpackLimits limits;
  limits.path_depth = 3;
  limits.path_bytes = 300;
  const auto refusal = [&](std::string_view name) {
    return message_of([&] { (void)checked_path(name, limits); });
  };
  CHECK(refusal("") == "its name is empty");
  CHECK(refusal("/etc/passwd") == "its name is absolute");
  CHECK(refusal("//x") == "its name is absolute");
  for (const char* name : {"..", "../x", "a/../x", "a/..", "./../x", "a/./../../x"})
    CHECK(refusal(name) == "its name leaves the directory by '..'");
  CHECK(refusal(std::string_view("a\0b", 3)) == "its name holds a NUL byte");
  CHECK(refusal("a/b/c/d") == "it is nested more than 3 levels deep");
  CHECK(refusal(std::string(256, 'n')) == "a part of its name has 256 bytes, the limit is 255");
  CHECK(refusal(std::string(301, '/')) == "its name has 301 bytes, the limit is 300");
}

TEST_CASE("the names that the image spec reserves are read by its rules") {
  using Kind = LayerName::Kind;
  const auto kind = [](const char* path) { return interpret_layer_path(path).kind; };
  CHECK(kind("a/.whx") == Kind::plain);
  CHECK(kind("a/b.wh.c") == Kind::plain);
  CHECK(kind(".wh.x") == Kind::whiteout);
  CHECK(interpret_layer_path(".wh.x").path == "x");
  CHECK(interpret_layer_path("a/b/.wh.x y").path == "a/b/x y");
  CHECK(kind(".wh..wh..opq") == Kind::opaque);
  CHECK(interpret_layer_path(".wh..wh..opq").path.empty());
  CHECK(interpret_layer_path("a/b/.wh..wh..opq").path == "a/b");
  CHECK(interpret_layer_path(".wh..hidden").path == ".hidden");
}

TEST_CASE("whiteouts that name nothing, or serve as a way, are refused") {
  for (const char* path : {".wh.", "a/.wh.", ".wh..", "a/.wh..", ".wh...", "a/.wh...", ".wh..wh.",
                           ".wh..wh.aufs", ".wh..wh.plnk", ".wh..wh..wh..opq", ".wh.../x",
                           ".wh../x", ".wh.x/y", ".wh..wh..opq/x", "a/.wh.b/c"}) {
    CAPTURE(path);
    CHECK_THROWS_AS((void)interpret_layer_path(path), Error);
  }
}
