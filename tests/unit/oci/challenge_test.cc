#include "challenge.h"

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

TEST_CASE("a token service is named with its parameters, commas within quotes and all") {
  const auto found =
      parse_challenges(R"(Bearer realm="https://auth.example.org/token",service="r.example.org",)"
                       R"(scope="repository:team/php:pull,push")");
  REQUIRE(found.size() == 1);
  CHECK(found[0].scheme == "bearer");
  CHECK(found[0].get("realm") == "https://auth.example.org/token");
  CHECK(found[0].get("service") == "r.example.org");
  CHECK(found[0].get("scope") == "repository:team/php:pull,push");
  CHECK(found[0].get("error").empty());
}

TEST_CASE("several challenges stand in one field, in any case and spacing") {
  const auto found =
      parse_challenges(R"( , BASIC Realm = "a \"b\"" ,bearer realm=plain/token , NTLM)");
  REQUIRE(found.size() == 3);
  CHECK(found[0].scheme == "basic");
  CHECK(found[0].get("realm") == "a \"b\"");
  CHECK(found[1].scheme == "bearer");
  CHECK(found[1].get("realm") == "plain/token");
  CHECK(found[2].scheme == "ntlm");
}

TEST_CASE("what is no challenge gives what came before it, and never the next one's parameters") {
  CHECK(parse_challenges("").empty());
  CHECK(parse_challenges("realm=\"x\"").empty());
  CHECK(parse_challenges("\"").empty());
  const auto cut = parse_challenges("Bearer realm=\"https://a.example.org");
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].get("realm").empty());
  const auto twice = parse_challenges("Bearer realm=\"one\", realm=\"two\"");
  REQUIRE(twice.size() == 1);
  CHECK(twice[0].get("realm") == "one");
  std::string endless;
  for (int i = 0; i < 100000; ++i) endless += "a, ";
  CHECK(parse_challenges(endless).size() <= 16);
}
