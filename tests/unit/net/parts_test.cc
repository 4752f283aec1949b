// The small pure parts: heads of replies, proxies' exceptions, speed, certificates in words.
#include <doctest/doctest.h>
#include <openssl/x509_vfy.h>

#include <map>

#include "proxy.h"
#include "reply.h"
#include "speed.h"
#include "tls.h"

using namespace gbox;
using namespace gbox::net;

TEST_CASE("a reply's head is read whatever its case, and an interim one is forgotten") {
  Reply reply;
  reply.take("HTTP/1.1 100 Continue\r\n");
  reply.take("ETag: \"early\"\r\n");
  reply.take("HTTP/2 206 \r\n");
  reply.take("content-LENGTH: 100\r\n");
  reply.take("Content-Range: bytes 100-199/200\r\n");
  reply.take("Content-Type: text/html; charset=utf-8\r\n");
  reply.take("Age: 50\r\n");
  reply.take("Date: Thu, 01 Jan 1970 00:01:40 GMT\r\n");
  reply.take("Retry-After: 7\r\n");
  CHECK(reply.status == 206);
  CHECK(reply.etag == "");
  CHECK(reply.content_length == 100);
  REQUIRE(reply.content_range);
  CHECK(reply.content_range->first == 100);
  CHECK(reply.content_range->total == 200);
  CHECK(reply.content_type == "text/html");
  CHECK(reply.date == 150);
  CHECK(reply.retry_after_s == 7);
  reply.take("ETag: W/\"weak\"");
  CHECK(reply.etag == "");
  reply.take("ETag: \"strong\"");
  CHECK(reply.etag == "\"strong\"");
  reply.take("Content-Length: -1");
  CHECK_FALSE(reply.content_length);
}

TEST_CASE("a content range that makes no sense is none") {
  CHECK(parse_content_range("bytes 5-9/*"));
  CHECK_FALSE(parse_content_range("bytes 5-9/*")->total);
  for (const char* text : {"", "bytes", "bytes */200", "bytes 5/9-1", "bytes x-9/10", "items 0-1/2",
                           "bytes 0-1/99999999999999999999999"})
    CHECK_FALSE(parse_content_range(text));
}

TEST_CASE("no_proxy means domains with all below, addresses, ranges and ports") {
  CHECK(is_excluded("a.example.org", "443", "example.com, .example.org"));
  CHECK(is_excluded("EXAMPLE.org", "443", "example.org"));
  CHECK_FALSE(is_excluded("notexample.org", "443", "example.org"));
  CHECK(is_excluded("anything", "80", "*"));
  CHECK(is_excluded("10.1.2.3", "80", "10.0.0.0/8"));
  CHECK(is_excluded("10.127.255.255", "80", "10.64.0.0/10"));
  CHECK_FALSE(is_excluded("10.128.0.0", "80", "10.64.0.0/10"));
  CHECK(is_excluded("fd00::1", "80", "fd00::/8"));
  CHECK(is_excluded("::1", "80", "::1"));
  CHECK_FALSE(is_excluded("10.1.2.3", "80", "10.0.0.0/33,10.0.0.0/x,/8,fd00::/8"));
  CHECK(is_excluded("m.example", "8080", "m.example:8080"));
  CHECK_FALSE(is_excluded("m.example", "80", "m.example:8080"));
  CHECK_FALSE(is_excluded("m.example", "80", ""));
}

TEST_CASE("the proxy of a URL is the scheme's, then that for all, lower case first") {
  std::map<std::string, std::string> set;
  const Variables variable = [&](const char* name) -> std::optional<std::string> {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
  };
  set = {{"HTTPS_PROXY", "upper:1"}, {"https_proxy", "lower:1"}, {"http_proxy", "plain:1"}};
  CHECK(proxy_for("https://m.example/", variable).url == "http://lower:1");
  CHECK(proxy_for("http://m.example/", variable).url == "http://plain:1");
  set["https_proxy"] = "";
  CHECK(proxy_for("https://m.example/", variable).url == "http://upper:1");
  set = {{"ALL_PROXY", "socks5h://u:secret@s:1080"}};
  CHECK(proxy_for("https://m.example/", variable).url == "socks5h://u:secret@s:1080");
  CHECK(proxy_for("https://m.example/", variable).state ==
        "proxy 'socks5h://s:1080' of 'ALL_PROXY'");
}

TEST_CASE("speed is that of the last seconds") {
  Speed speed;
  const Speed::Instant start{};
  CHECK(speed.bytes_per_second() == 0);
  for (int s = 0; s <= 10; ++s) speed.note(start + std::chrono::seconds(s), 1000u * unsigned(s));
  CHECK(speed.bytes_per_second() == doctest::Approx(1000));
  for (int s = 11; s <= 20; ++s) speed.note(start + std::chrono::seconds(s), 10000);
  CHECK(speed.bytes_per_second() == 0);
  speed.note(start + std::chrono::seconds(21), 0);  // started over
  CHECK(speed.bytes_per_second() == 0);
}

TEST_CASE("a certificate of another time blames the clock it can blame") {
  TlsFault fault{.code = X509_V_ERR_CERT_NOT_YET_VALID, .issuer = "R3", .not_before = 1767225600};
  const Failure early = explain(fault, "m.example", 200000);
  CHECK(early.cause == Cause::clock);
  CHECK(early.message ==
        "this machine says 1970-01-03 07:33, the certificate of 'm.example' is of 2026-01-01 00:00 "
        "and later");
  fault = {.code = X509_V_ERR_CERT_HAS_EXPIRED, .issuer = "R3", .not_after = 1767225600};
  const Failure late = explain(fault, "m.example", 1767312000);
  CHECK(late.cause == Cause::untrusted);
  CHECK(late.message ==
        "certificate expired on 2026-01-01 00:00 (this machine says 2026-01-02 00:00)");
}
