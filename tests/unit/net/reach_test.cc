// Names, connections, proxies, certificates and clocks: what a person is told when a mirror is out
// of reach.
#include <doctest/doctest.h>

#include <cstdlib>

#include "gbox/net/url.h"
#include "mirror.h"

using namespace gbox;
using namespace gbox::net;
using gbox::net::test::Mirror;
using gbox::net::test::Server;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// A certificate of an authority nobody knows, for 127.0.0.1; openssl's options decide the rest.
void make_certificate(const std::string& path, const std::string& options) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout '" + path +
      ".key' -out '" + path + "' " + options + " 2>/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
}

constexpr const char* kForLoopback =
    "-subj '/O=Acme/CN=Acme Proxy CA' -addext subjectAltName=IP:127.0.0.1 -days 2";

}  // namespace

TEST_CASE("a port where nobody listens is named with the state of the proxy") {
  Mirror mirror;
  const Transfer transfer{.urls = {"http://127.0.0.1:1/x"}, .name = "x", .file = "x"};
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) ==
        "fetch 'x': connect '127.0.0.1:1': Connection refused ('http_proxy' is not set)");
  mirror.environment = {{"http_proxy", ""}};
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) ==
        "fetch 'x': connect '127.0.0.1:1': Connection refused ('http_proxy' is set but empty, "
        "'HTTP_PROXY' is not set)");
  mirror.environment = {{"HTTP_PROXY", "http://me:secret@127.0.0.1:2"}};
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) ==
        "fetch 'x': connect '127.0.0.1:2': Connection refused (proxy 'http://127.0.0.1:2' of "
        "'HTTP_PROXY')");
  mirror.environment["no_proxy"] = "example.org, 127.0.0.0/8";
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) ==
        "fetch 'x': connect '127.0.0.1:1': Connection refused ('no_proxy' keeps it from the proxy "
        "'http://127.0.0.1:2')");
}

TEST_CASE("a server that is out of reach is not tried again for every file") {
  Mirror mirror;
  const std::string content = mirror.file("alive.tar", 100);
  std::vector<Transfer> transfers;
  for (int i = 0; i < 8; ++i) {
    transfers.push_back(mirror.transfer("alive.tar", content));
    transfers.back().file = "alive-" + std::to_string(i);
    transfers.back().digests.clear();
    transfers.back().urls.insert(transfers.back().urls.begin(),
                                 "http://127.0.0.1:1/" + std::to_string(i));
  }
  mirror.settings.parallel = 1;
  const auto results = fetch_all(mirror.here.get(), transfers, mirror.settings);
  for (const Fetched& result : results) {
    CHECK(result.ok);
    REQUIRE(result.failures.size() == 1);
    CHECK(result.failures[0].cause == Cause::connect);
  }
  CHECK(results[5].failures[0].url == "http://127.0.0.1:1/5");
  // Two tries that failed were told, and then each file that passes it by.
  std::size_t again = 0;
  for (const std::string& note : mirror.notes) again += contains(note, "trying again") ? 1 : 0;
  CHECK(again == 2);
}

TEST_CASE("a host without an address is named with the nameserver that was asked") {
  Mirror mirror;
  const Transfer transfer{.urls = {"http://mirror.invalid/x"}, .name = "x", .file = "x"};
  mirror.settings.attempts = 1;
  const Fetched got = mirror.fetch(transfer);
  REQUIRE_FALSE(got.ok);
  CHECK(got.failures[0].cause == Cause::resolve);
  const std::string error = Mirror::error_of({got});
  CHECK(contains(error, "fetch 'x': resolve 'mirror.invalid': no address for this name ("));
  CHECK(contains(error, "nameserver"));
  CHECK(contains(error, "'http_proxy' is not set)"));
}

TEST_CASE("the environment's proxy is used, with its password, and by no_proxy not") {
  Mirror mirror;
  const Server proxy({"--proxy", "--log", mirror.root() + "/proxy-log", mirror.root()});
  const std::string content = mirror.file("via.tar", 50'000);
  Transfer transfer = mirror.transfer("via.tar", content);
  mirror.environment = {{"http_proxy", "127.0.0.1:" + proxy.port}};
  CHECK(mirror.fetch(transfer).ok);
  const auto asked = [&] {
    const std::string log = sys::try_read_file(AT_FDCWD, mirror.root() + "/proxy-log").value_or("");
    return log;
  };
  CHECK(contains(asked(), "\"path\": \"" + mirror.base + "/via.tar\""));
  const std::string before = asked();
  mirror.environment["NO_PROXY"] = "127.0.0.1";
  transfer.file = "direct.tar";
  CHECK(mirror.fetch(transfer).ok);
  CHECK(asked() == before);
  mirror.environment = {{"https_proxy", "http://u:p@127.0.0.1:" + proxy.port}};
  transfer.urls = {"https://mirror.invalid/x"};
  transfer.file = "tunnel.tar";
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) ==
        "fetch 'via.tar': connect '127.0.0.1:" + proxy.port +
            "': the proxy answered 403 (proxy 'http://127.0.0.1:" + proxy.port +
            "' of 'https_proxy')");
}

TEST_CASE("credentials of a URL go to its host and nowhere else") {
  Mirror mirror;
  (void)mirror.file("guarded", 10);
  const std::string authority = mirror.base.substr(7);
  mirror.rules(R"([{"path": "/first", "redirect": "http://localhost:)" +
               mirror.base.substr(mirror.base.rfind(':') + 1) + R"(/guarded"}])");
  const Transfer transfer{
      .urls = {"http://me:secret@" + authority + "/first"}, .name = "guarded", .file = "guarded"};
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  const auto requests = mirror.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0]["authorization"] != "");
  CHECK(requests[1]["authorization"] == "");
  const Transfer absent{
      .urls = {"http://me:secret@" + authority + "/no?key=secret"}, .name = "no", .file = "no"};
  CHECK_FALSE(contains(Mirror::error_of({mirror.fetch(absent)}), "secret"));
}

TEST_CASE("certificates are checked: issuer, name and time are told, and added ones are trusted") {
  Mirror mirror;
  const std::string content = mirror.file("tls.tar", 50'000);
  const std::string good = mirror.root() + "/good.pem";
  make_certificate(good, kForLoopback);
  const Server server({"--cert", good, "--key", good + ".key", mirror.root() + "/files"});
  Transfer transfer = mirror.transfer("tls.tar", content);
  transfer.urls = {"https://127.0.0.1:" + server.port + "/tls.tar"};
  const Fetched unknown = mirror.fetch(transfer);
  REQUIRE_FALSE(unknown.ok);
  CHECK(unknown.failures[0].cause == Cause::untrusted);
  CHECK(Mirror::error_of({unknown}) ==
        "fetch 'tls.tar' from '127.0.0.1:" + server.port +
            "': certificate is issued by 'Acme Proxy CA', which is not trusted");
  CHECK(contains(unknown.failures[0].hint, "--ca FILE"));
  mirror.settings.extra_ca = good;
  CHECK(mirror.fetch(transfer).ok);
  transfer.file = "bundle.tar";
  mirror.settings.extra_ca.clear();
  mirror.settings.ca_bundle = good;
  CHECK(mirror.fetch(transfer).ok);
  transfer.file = "named.tar";
  transfer.urls = {"https://localhost:" + server.port + "/tls.tar"};
  CHECK(contains(mirror.fetch(transfer).failures[0].message,
                 "certificate is that of 'Acme Proxy CA', not of 'localhost'"));
  mirror.settings.ca_bundle = mirror.root() + "/rules.json";
  mirror.rules("[]");
  CHECK_THROWS_WITH(mirror.fetch(transfer), ("certificate authorities: '" + mirror.root() +
                                             "/rules.json' holds no certificate in PEM form")
                                                .c_str());
}

TEST_CASE("TLS is not given up for a redirect") {
  Mirror mirror;
  const std::string content = mirror.file("down.tar", 100);
  const std::string certificate = mirror.root() + "/down.pem";
  make_certificate(certificate, kForLoopback);
  const std::string rules = mirror.root() + "/down.json";
  sys::write_file_atomically(AT_FDCWD, rules,
                             R"([{"path": "*", "redirect": ")" + mirror.base + R"(/down.tar"}])");
  const Server server({"--cert", certificate, "--key", certificate + ".key", "--rules", rules,
                       mirror.root() + "/files"});
  mirror.settings.extra_ca = certificate;
  Transfer transfer = mirror.transfer("down.tar", content);
  transfer.urls = {"https://127.0.0.1:" + server.port + "/down.tar"};
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) ==
        "fetch 'down.tar' from '127.0.0.1:" + server.port + "': redirects to '" + mirror.base +
            "/down.tar', which gives up TLS");
  CHECK(mirror.requests().empty());
}

TEST_CASE("a clock that differs from the servers' is warned about once, a small drift is not") {
  Mirror mirror;
  const std::string content = mirror.file("clock.tar", 100);
  Transfer transfer = mirror.transfer("clock.tar", content);
  mirror.settings.now = [] { return std::time(nullptr) - 200; };
  CHECK(mirror.fetch(transfer).ok);
  CHECK(mirror.warnings.seen.empty());
  mirror.settings.now = [] { return std::time_t{1772330400}; };
  mirror.rules(R"([{"path": "*", "headers": {"Date": "Fri, 21 Aug 2026 13:05:00 GMT"}}])");
  std::vector<Transfer> transfers{transfer, transfer};
  transfers[0].file = "clock-1.tar";
  transfers[1].file = "clock-2.tar";
  (void)fetch_all(mirror.here.get(), transfers, mirror.settings);
  REQUIRE(mirror.warnings.seen.size() == 1);
  CHECK(mirror.warnings.seen[0].message == "this machine says 2026-03-01 02:00, '" +
                                               mirror.base.substr(7) + "' says 2026-08-21 13:05");
  // Before there was a gbox, it is certain whose clock is wrong.
  mirror.settings.now = [] { return std::time_t{2 * 86400 + 3600}; };
  transfer.file = "clock-0.tar";
  try {
    (void)mirror.fetch(transfer);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.message() == "this machine says 1970-01-03 01:00, '" + mirror.base.substr(7) +
                                 "' says 2026-08-21 13:05");
    CHECK(error.hint() == "set the clock ('timedatectl set-ntp true') and run again");
    CHECK(error.code() == ExitCode::host);
  }
  CHECK_FALSE(mirror.published("clock-0.tar"));
  // A cache's answer is older than it looks: its age counts.
  mirror.settings.now = nullptr;
  mirror.rules(R"([{"path": "*", "headers": {"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Age": ")" +
               std::to_string(std::time(nullptr)) + R"("}}])");
  transfer.file = "clock-3.tar";
  CHECK(mirror.fetch(transfer).ok);
  CHECK(mirror.warnings.seen.size() == 1);
}
