// LICENSE and REQUIRED_USE as trees.
#include "depend_text.h"

#include <doctest/doctest.h>

#include <set>

#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::portage;

namespace {

std::string unmet(const std::string& text, const std::set<std::string>& flags) {
  const auto parsed = parse_depend(text);
  REQUIRE_MESSAGE(parsed, text);
  const DependNode* clause =
      unmet_clause(*parsed, [&](const std::string& flag) { return flags.contains(flag); });
  return clause == nullptr ? "" : to_text(*clause);
}

std::string missing(const std::string& text, const std::set<std::string>& accepted,
                    const std::set<std::string>& flags = {}) {
  const auto parsed = parse_depend(text);
  REQUIRE_MESSAGE(parsed, text);
  return join(missing_licenses(
                  *parsed, [&](const std::string& flag) { return flags.contains(flag); },
                  [&](const std::string& name) { return accepted.contains(name); }),
              " ");
}

}  // namespace

TEST_CASE("REQUIRED_USE names the clause that does not hold") {
  CHECK(unmet("a? ( b )", {}) == "");
  CHECK(unmet("a? ( b )", {"a"}) == "a? ( b )");
  CHECK(unmet("a? ( b )", {"a", "b"}) == "");
  CHECK(unmet("!a? ( b )", {}) == "!a? ( b )");
  CHECK(unmet("x ^^ ( a b )", {"x"}) == "^^ ( a b )");
  CHECK(unmet("^^ ( a b )", {"a", "b"}) == "^^ ( a b )");
  CHECK(unmet("^^ ( a b )", {"b"}) == "");
  CHECK(unmet("?? ( a b )", {"a", "b"}) == "?? ( a b )");
  CHECK(unmet("?? ( a b )", {}) == "");
  CHECK(unmet("|| ( a !b )", {"b"}) == "|| ( a !b )");
  CHECK(unmet("|| ( a !b )", {}) == "");
  CHECK(unmet("!a", {"a"}) == "!a");
  CHECK(unmet("|| ( a? ( b ) c )", {}) == "|| ( a? ( b ) c )");
  CHECK(unmet("|| ( a? ( b ) )", {}) == "");
}

TEST_CASE("licences stand in the way unless every path is accepted") {
  CHECK(missing("GPL-2 MIT", {"GPL-2"}) == "MIT");
  CHECK(missing("|| ( GPL-2 MIT )", {"MIT"}) == "");
  CHECK(missing("|| ( GPL-2 ( MIT BSD ) )", {"MIT"}) == "BSD GPL-2");
  CHECK(missing("doc? ( FDL ) GPL-2", {"GPL-2"}) == "");
  CHECK(missing("doc? ( FDL ) GPL-2", {"GPL-2"}, {"doc"}) == "FDL");
  CHECK(missing("|| ( doc? ( FDL ) X )", {"GPL-2"}) == "X");
  CHECK(missing("", {}) == "");
}

TEST_CASE("broken and endless brackets are refused") {
  for (const char* text : {"(", ")", "a )", "|| a", "a? b", "|| (", "( ( a )"})
    CHECK_MESSAGE(!parse_depend(text), text);
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += "( ";
  for (int i = 0; i < 60; ++i) deep += ") ";
  CHECK_FALSE(parse_depend(deep));
}
