#include "gbox/net/url.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"

using namespace gbox;
using namespace gbox::net;

TEST_CASE("a path joins a mirror with one slash, escaped only where the mirror is a URL") {
  CHECK(join_url("https://m.example/gentoo/", "a/b.tar.xz") ==
        "https://m.example/gentoo/a/b.tar.xz");
  CHECK(join_url("https://m.example", "/distfiles/a b#1?%.tar") ==
        "https://m.example/distfiles/a%20b%231%3F%25.tar");
  CHECK(join_url("https://m.example", "x/gtk+-3~1.tar") == "https://m.example/x/gtk+-3~1.tar");
  CHECK(join_url("/srv/mirror/", "a b") == "/srv/mirror/a b");
  CHECK(join_url("/", "a") == "/a");
}

TEST_CASE("absolute paths and file URLs of this host are local") {
  CHECK(local_path("/srv/a%20b") == "/srv/a%20b");
  CHECK(local_path("file:///srv/a%20b") == "/srv/a b");
  CHECK(local_path("FILE://localhost/x") == "/x");
  CHECK_FALSE(local_path("file://elsewhere/x"));
  CHECK_FALSE(local_path("file:///a%00b"));
  CHECK_FALSE(local_path("https://m.example/x"));
  CHECK_FALSE(local_path("relative"));
}

TEST_CASE("what is shown of a URL holds no secret") {
  CHECK(shown_url("https://me:secret@m.example:8080/a?token=1#x") == "https://m.example:8080/a");
  CHECK(shown_url("https://me:se@cret@m.example") == "https://m.example");
  CHECK(shown_url("https://m.example?token=1") == "https://m.example");
  CHECK(shown_url("/srv/odd?name") == "/srv/odd?name");
  CHECK(shown_url("nonsense") == "nonsense");
  CHECK(shown_host("http://me:secret@m.example:8080/a") == "m.example:8080");
  CHECK(shown_host("file:///srv/x") == "/srv/x");
}

TEST_CASE("a mirror that cannot be one is refused with its place") {
  const auto fault = [](const char* url) -> std::string {
    try {
      check_url(url, "'base.mirror'");
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::usage);
      return error.message();
    }
    return "";
  };
  CHECK(fault("https://m.example") == "");
  CHECK(fault("/srv/mirror") == "");
  CHECK(fault("file:///srv/mirror") == "");
  CHECK(fault("ftp://u:p@m.example/x") ==
        "'base.mirror': 'ftp://m.example/x' is no http, https or file URL and no absolute path");
  CHECK(fault("m.example") ==
        "'base.mirror': 'm.example' is no http, https or file URL and no absolute path");
  CHECK(fault("https:///x") == "'base.mirror': 'https:///x' has no host");
  CHECK(fault("https://m.example/a b") ==
        "'base.mirror': 'https://m.example/a b' has a blank or control character in it");
  CHECK(fault("file://other/x") ==
        "'base.mirror': 'file://other/x' names a file of another host; 'file:///…' is one of this");
}
