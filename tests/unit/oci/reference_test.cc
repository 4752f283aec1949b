#include "gbox/oci/reference.h"

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

const std::string kHex(64, 'a');

std::string refused(const std::string& text) {
  CHECK(code_of([&] { (void)parse_registry(text, "push"); }) == ExitCode::usage);
  return error_of([&] { (void)parse_registry(text, "push"); });
}

}  // namespace

TEST_CASE("a name in a registry has a host, a repository, and a tag or a digest or both") {
  const auto plain = parse_registry("docker://registry.example.org/team/php:8.3", "push");
  CHECK(plain.host == "registry.example.org");
  CHECK(plain.repository == "team/php");
  CHECK(plain.tag == "8.3");
  CHECK_FALSE(plain.digest);
  CHECK(plain.wanted() == "8.3");
  const auto port = parse_registry("docker://localhost:5000/x", "push");
  CHECK(port.host == "localhost:5000");
  CHECK(port.tag == "latest");
  const auto both = parse_registry("docker://[::1]:5000/a/b__c:1@sha256:" + kHex, "push");
  CHECK(both.host == "[::1]:5000");
  CHECK(both.repository == "a/b__c");
  CHECK(both.tag == "1");
  CHECK(both.wanted() == "sha256:" + kHex);
  const auto digest = parse_registry("docker://r.example.org/x@sha256:" + kHex, "push");
  CHECK(digest.tag.empty());
  for (const std::string& text :
       {std::string("docker://r.example.org:80/a/b:c"), "docker://r.example.org/a@sha256:" + kHex})
    CHECK(to_string(parse_registry(text, "push")) == text);
}

TEST_CASE("a name that could be read in two ways, or end up elsewhere, is refused") {
  CHECK(refused("docker://php:8.3") ==
        "push: 'docker://php:8.3': no registry's host before the first '/' | gbox adds none by "
        "itself: such as 'docker://registry.example.org/team/php:8.3' or with '@sha256:…' behind "
        "it");
  CHECK(refused("docker://team/php").find("no registry's host") != std::string::npos);
  CHECK(refused("oci:out").find("does not begin with 'docker://'") != std::string::npos);
  CHECK(refused("docker://r.example.org/Team/php") ==
        "push: 'docker://r.example.org/Team/php': upper case in 'Team' | only the tag may hold "
        "upper case: write the name in lower case");
  for (const char* text :
       {"docker://r.example.org/", "docker://user@r.example.org/x", "docker://r.example.org:x/y",
        "docker://r.example.org/../y", "docker://r.example.org/a//b", "docker://r.example.org/a?b",
        "docker://r.example.org/a#b", "docker://r.example.org/a:b c", "docker://r.example.org\\x/y",
        "docker://[::1/x", "docker://[]/x", "docker://r.example.org:123456/x",
        "docker://r.example.org/a:", "docker://r.example.org/a@sha256:00",
        "docker://r.example.org/a@blake2b:00", "docker://r.exa\nmple.org/a"})
    CHECK_MESSAGE(!refused(text).empty(), text);
}

TEST_CASE("docker's registry has an API elsewhere, and images of one word") {
  const auto one = parse_registry("docker://docker.io/php:8.3", "pull");
  CHECK(one.host == "docker.io");
  CHECK(one.repository == "library/php");
  CHECK(to_string(one) == "docker://docker.io/library/php:8.3");
  CHECK(parse_registry("docker://index.docker.io/team/php", "pull").name() == "docker.io/team/php");
  CHECK(api_host(one.host) == "registry-1.docker.io");
  CHECK(parse_registry("docker://r.example.org/php", "pull").repository == "php");
  for (const char* host : {"r.example.org", "docker.io:443", "docker.io.example.org", "localhost"})
    CHECK(api_host(host) == host);
}

TEST_CASE("a repository alone has neither tag nor digest") {
  const auto cache = parse_repository("registry.example.org:5000/team/cache", "--cache-to");
  CHECK(cache.host == "registry.example.org:5000");
  CHECK(cache.repository == "team/cache");
  CHECK(cache.tag.empty());
  CHECK(error_of([] { (void)parse_repository("r.example.org/x:1", "--cache-to"); }) ==
        "--cache-to: 'r.example.org/x:1': a tag or digest where only a repository is meant | such "
        "as 'registry.example.org/team/cache'");
}
