#include "gbox/base/json.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"

using namespace gbox;

TEST_CASE("hostile nesting is refused, not recursed into") {
  CHECK_THROWS_WITH_AS(parse_json(std::string(100000, '['), "'x.json'"),
                       "read 'x.json': nested deeper than 64 levels", Error);
}

TEST_CASE("errors name file and key") {
  const Json object = parse_json(R"({"a": 1, "s": -4})", "'x.json'");
  CHECK_THROWS_WITH_AS(json_string(object, "a", "'x.json'"),
                       "read 'x.json': key 'a' must be a string", Error);
  CHECK_THROWS_WITH_AS(json_string(object, "b", "'x.json'"), "read 'x.json': key 'b' is missing",
                       Error);
  CHECK_THROWS_AS(json_size(object, "s", "'x.json'"), Error);
  CHECK(json_string_or_empty(object, "zz", "'x.json'").empty());
  CHECK_THROWS_AS(parse_json("{", "'x.json'"), Error);
  CHECK_THROWS_WITH_AS(parse_json("[1e999]", "'x.json'"),
                       "read 'x.json': it holds a number that is too large", Error);
}

TEST_CASE("equal values have one canonical text") {
  CHECK(canonical_json(parse_json(R"({ "b":1, "a":[2] })", "x")) == R"({"a":[2],"b":1})");
}
