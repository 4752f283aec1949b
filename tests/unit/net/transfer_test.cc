// Plain transfers, mirrors in order, and what is refused, against a real server on loopback.
#include "gbox/net/transfer.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "mirror.h"

using namespace gbox;
using namespace gbox::net;
using gbox::net::test::Mirror;

TEST_CASE("a file arrives whole, hashed, readable for all, with nothing left beside it") {
  Mirror mirror;
  const std::string content = mirror.file("plain.tar", 3'000'000);
  Transfer transfer = mirror.transfer("plain.tar", content);
  Hasher blake(HashAlgorithm::blake2b);
  blake.update(content);
  transfer.digests = {blake.finish(), sha256(content)};
  std::uint64_t last = 0;
  mirror.settings.on_progress = [&](const Progress& progress) {
    CHECK(progress.name == "plain.tar");
    CHECK(progress.total == content.size());
    CHECK(progress.done >= last);
    last = progress.done;
  };
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  CHECK_FALSE(got.kept);
  CHECK(got.bytes == content.size());
  CHECK(got.sha256 == sha256(content));
  CHECK(got.digests == transfer.digests);
  CHECK(got.url == mirror.base + "/plain.tar");
  CHECK(got.requested_url == got.url);
  CHECK(got.date.has_value());
  CHECK(got.last_modified.has_value());
  CHECK(last == content.size());
  CHECK(mirror.published("plain.tar") == content);
  CHECK((sys::fstatat(mirror.here.get(), "plain.tar", 0).st_mode & 07777) == 0644);
  CHECK(mirror.left().empty());
  REQUIRE(mirror.requests().size() == 1);
  CHECK(mirror.requests()[0]["agent"] == "gbox/" GBOX_VERSION);
  CHECK(mirror.warnings.seen.empty());
}

TEST_CASE("a file that is there already is kept when its digests say so, else replaced") {
  Mirror mirror;
  const std::string content = mirror.file("kept.tar", 5000);
  const Transfer transfer = mirror.transfer("kept.tar", content);
  CHECK(mirror.fetch(transfer).ok);
  const Fetched again = mirror.fetch(transfer);
  CHECK(again.ok);
  CHECK(again.kept);
  CHECK(again.sha256 == sha256(content));
  CHECK(again.bytes == content.size());
  CHECK(mirror.requests().size() == 1);
  std::string damaged = content;
  damaged[17] ^= 1;
  sys::write_file_atomically(mirror.here.get(), "kept.tar", damaged);
  const Fetched replaced = mirror.fetch(transfer);
  CHECK(replaced.ok);
  CHECK_FALSE(replaced.kept);
  CHECK(mirror.published("kept.tar") == content);
}

TEST_CASE("an empty file is a file") {
  Mirror mirror;
  const std::string content = mirror.file("empty", 0);
  CHECK(mirror.fetch(mirror.transfer("empty", content)).ok);
  CHECK(mirror.published("empty") == "");
}

TEST_CASE("mirrors are asked in order until one has it, and what the others said is kept") {
  Mirror mirror;
  const std::string content = mirror.file("third.tar", 9000);
  Transfer transfer = mirror.transfer("third.tar", content);
  transfer.urls = {mirror.base + "/gone/third.tar", mirror.base + "/secret/third.tar",
                   mirror.base + "/third.tar", mirror.base + "/never/third.tar"};
  mirror.rules(R"([{"path": "/secret/*", "status": 403}])");
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  CHECK(got.requested_url == mirror.base + "/third.tar");
  REQUIRE(got.failures.size() == 2);
  CHECK(got.failures[0].cause == Cause::not_found);
  CHECK(got.failures[0].message == "404");
  CHECK(got.failures[0].url == mirror.base + "/gone/third.tar");
  CHECK(got.failures[1].cause == Cause::refused);
  CHECK(got.failures[1].message == "403 (text/plain)");
  CHECK(mirror.requests().size() == 3);
  REQUIRE(mirror.notes.size() == 2);
  CHECK(mirror.notes[0].find(": 404; trying '127.0.0.1:") != std::string::npos);
}

TEST_CASE("one missing file does not stop the others, and all that are missing are named") {
  Mirror mirror;
  std::vector<Transfer> transfers;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "many-" + std::to_string(i) + ".tar";
    const std::string content = mirror.file(name, 1000 + static_cast<std::size_t>(i));
    transfers.push_back(mirror.transfer(name, content));
  }
  transfers[3].urls = {mirror.base + "/no/many-3.tar"};
  transfers[3].needed_by = "dev-libs/foo";
  transfers[7].urls = {mirror.base + "/no/many-7.tar", mirror.base + "/neither/many-7.tar"};
  const auto results = fetch_all(mirror.here.get(), transfers, mirror.settings);
  REQUIRE(results.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(results[i].name == transfers[i].name);
    CHECK(results[i].ok == (i != 3 && i != 7));
  }
  const std::string host = mirror.base.substr(7);
  CHECK(
      Mirror::error_of(results, "fetch distfiles") ==
      "fetch distfiles: 2 of 12 could not be had: 'many-3.tar' ('dev-libs/foo'), 'many-7.tar'\n'" +
          host + "': 404");
  CHECK(Mirror::error_of({results[7]}) == "fetch 'many-7.tar': not on any of 2 mirrors (404)");
  CHECK(Mirror::error_of({results[3]}, "fetch stage3 'x'") ==
        "fetch stage3 'x': not at '" + host + "' (404)");
  CHECK(Mirror::error_of({results[0]}) == "");
}

TEST_CASE("a page or a part in place of the file is refused, and the next mirror is asked") {
  Mirror mirror;
  const std::string content = mirror.file("big.tar", 200'000);
  (void)mirror.file("other.tar", 200'000);
  Transfer transfer = mirror.transfer("big.tar", content);
  const std::string host = mirror.base.substr(7);
  const auto error = [&](const std::string& rule) {
    mirror.rules("[" + rule + "]");
    const Fetched got = mirror.fetch(transfer);
    CHECK_FALSE(got.ok);
    CHECK_FALSE(mirror.published("big.tar"));
    CHECK(mirror.left().empty());
    return Mirror::error_of({got});
  };
  const std::string from = "fetch 'big.tar' from '" + host + "': ";
  CHECK(error(R"({"path": "*", "html": true})") == from + "got 81 of 200000 bytes (text/html)");
  CHECK(error(R"({"path": "*", "truncate": 150000})") ==
        from + "got 150000 of 200000 bytes (application/octet-stream)");
  CHECK(error(R"({"path": "*", "truncate": 150000, "chunked": true})") ==
        from + "got 150000 of 200000 bytes (application/octet-stream)");
  CHECK(error(R"({"path": "*", "append": 7, "chunked": true})") ==
        from + "sends more than the file's 200000 bytes");
  CHECK(error(R"({"path": "*", "swap": "/other.tar"})").find(from + "sha256 is '") == 0);
  CHECK(error(R"({"path": "*", "flip": 199999})").find(from + "sha256 is '") == 0);
  // Digests that are not of one file: it is not the bytes that are wrong.
  Transfer torn = transfer;
  torn.digests.push_back(Digest(HashAlgorithm::sha512, std::string(128, 'a')));
  mirror.rules("[]");
  const Fetched refused = mirror.fetch(torn);
  CHECK_FALSE(refused.ok);
  CHECK(Mirror::error_of({refused}).starts_with(from + "sha512 is '"));
  CHECK(Mirror::error_of({refused}).ends_with("not 'aaaaaaaaaaaaaaaa…', but its sha256 is right"));
  CHECK(refused.failures[0].hint ==
        "whoever gave these digests contradicts himself: take them from another mirror");
  // The first mirror lies, the second does not.
  mirror.rules(R"([{"path": "/a/*", "swap": "/other.tar"}, {"path": "/b/*", "html": true},
                   {"path": "/c/*", "swap": "/big.tar"}])");
  transfer.urls = {mirror.base + "/a/x", mirror.base + "/b/x", mirror.base + "/c/x"};
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  REQUIRE(got.failures.size() == 2);
  CHECK(got.failures[0].cause == Cause::digest);
  CHECK(got.failures[1].cause == Cause::size);
  CHECK(mirror.published("big.tar") == content);
}

TEST_CASE("a file of unknown size ends at the most it may have") {
  Mirror mirror;
  (void)mirror.file("endless", 100'000);
  Transfer transfer{.urls = {mirror.base + "/endless"},
                    .name = "endless",
                    .max_bytes = 50'000,
                    .file = "endless"};
  const std::string wanted = "fetch 'endless' from '" + mirror.base.substr(7) +
                             "': is larger than the 50000 bytes it may have";
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) == wanted);
  mirror.rules(R"([{"path": "*", "chunked": true}])");
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) == wanted);
  CHECK(mirror.left().empty());
}

TEST_CASE("redirects are followed to the end, but not for ever and not out of the network") {
  Mirror mirror;
  const std::string content = mirror.file("moved.tar", 4000);
  Transfer transfer = mirror.transfer("moved.tar", content);
  transfer.urls = {mirror.base + "/old/moved.tar"};
  mirror.rules(R"([{"path": "/old/*", "redirect": "/new/moved.tar?token=1"},
                   {"path": "/new/*", "swap": "/moved.tar"}])");
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  CHECK(got.requested_url == mirror.base + "/old/moved.tar");
  CHECK(got.url == mirror.base + "/new/moved.tar?token=1");
  transfer.file = "again.tar";
  const std::string from = "fetch 'moved.tar' from '" + mirror.base.substr(7) + "': ";
  mirror.rules(R"([{"path": "*", "redirect": "{path}"}])");
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) == from + "redirects more than 10 times");
  mirror.rules(R"([{"path": "*", "redirect": "file:///etc/passwd"}])");
  CHECK(Mirror::error_of({mirror.fetch(transfer)}) ==
        from + "redirects to 'file:///etc/passwd', which is not http or https");
  CHECK_FALSE(mirror.published("again.tar"));
}

TEST_CASE("a directory of this machine is a mirror like any other") {
  Mirror mirror;
  const std::string content = mirror.file("local one.tar", 3'000'000);
  Transfer transfer = mirror.transfer("local one.tar", content);
  transfer.urls = {mirror.root() + "/nothing", mirror.root() + "/files",
                   "file://" + mirror.root() + "/files/local%20one.tar"};
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  CHECK(got.last_modified.has_value());
  REQUIRE(got.failures.size() == 2);
  CHECK(got.failures[0].cause == Cause::not_found);
  CHECK(got.failures[0].message == "no such file");
  CHECK(got.failures[1].message == "is not a plain file");
  CHECK(mirror.published("local one.tar") == content);
  // Whoever else is on this machine may knock at a port that was somebody else's before.
  for (const Json& request : mirror.requests())
    CHECK(request["path"].get<std::string>().find("local") == std::string::npos);
  transfer.file = "other.tar";
  transfer.digests = {sha256("other")};
  transfer.urls = {mirror.root() + "/files/local one.tar"};
  const Fetched wrong = mirror.fetch(transfer);
  CHECK_FALSE(wrong.ok);
  CHECK(wrong.failures[0].cause == Cause::digest);
  transfer.size = 1;
  CHECK(mirror.fetch(transfer).failures[0].message == "got 3000000 of 1 bytes");
  CHECK(mirror.left().empty());
}

TEST_CASE("a small text comes into memory, and a missing one is told from a broken mirror") {
  Mirror mirror;
  const std::string content = mirror.file("latest.txt", 700);
  const std::vector<std::string> urls{mirror.base + "/no.txt", mirror.base + "/latest.txt"};
  const FetchedText got = fetch_text(urls, "latest.txt", mirror.settings);
  CHECK(got.text == content);
  CHECK(got.requested_url == urls[1]);
  CHECK(got.failures.size() == 1);
  CHECK(got.date.has_value());
  const std::vector<std::string> absent{mirror.base + "/a", mirror.base + "/b"};
  CHECK_FALSE(try_fetch_text(absent, "a", mirror.settings));
  CHECK_THROWS_WITH(fetch_text(absent, "a", mirror.settings),
                    "fetch 'a': not on any of 2 mirrors (404)");
  mirror.rules(R"([{"path": "*", "status": 403}])");
  CHECK_THROWS_AS(try_fetch_text(absent, "a", mirror.settings), Error);
  mirror.rules("[]");
  CHECK_THROWS_WITH(fetch_text({&urls[1], 1}, "latest.txt", mirror.settings, 100),
                    ("fetch 'latest.txt' from '" + mirror.base.substr(7) +
                     "': is larger than the 100 bytes it may have")
                        .c_str());
}

TEST_CASE("a name that leaves the directory is refused before anything is asked") {
  Mirror mirror;
  for (const char* file : {"", "..", "a/b", "/etc/passwd"}) {
    const Transfer transfer{.urls = {mirror.base + "/x"}, .name = "x", .file = file};
    CHECK_THROWS_AS(mirror.fetch(transfer), Error);
  }
  CHECK(mirror.requests().empty());
}
