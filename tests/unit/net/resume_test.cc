// What happens when a transfer does not go through in one piece: cuts, retries, later runs, two at
// once, an interrupt.
#include <doctest/doctest.h>

#include "gbox/sys/lock.h"
#include "mirror.h"

using namespace gbox;
using namespace gbox::net;
using gbox::net::test::Mirror;

namespace {

// A run that stops half way: the server closes the connection each time without sending more.
void leave_half(Mirror& mirror, const Transfer& transfer, std::size_t bytes) {
  mirror.rules(R"([{"path": "*", "cut_after": )" + std::to_string(bytes) +
               R"(, "ignore_range": true}])");
  CHECK_FALSE(mirror.fetch(transfer).ok);
  REQUIRE_FALSE(mirror.left().empty());
  mirror.rules("[]");
}

std::string part_of(const Mirror& mirror) {
  for (const std::string& name : mirror.left())
    if (name.ends_with(".part")) return name;
  return "";
}

}  // namespace

TEST_CASE("a cut connection goes on where it stopped, as often as something new arrives") {
  Mirror mirror;
  const std::string content = mirror.file("cut.tar", 1'000'000);
  mirror.rules(R"([{"path": "*", "cut_after": 150000}])");
  const Fetched got = mirror.fetch(mirror.transfer("cut.tar", content));
  CHECK(got.ok);
  CHECK(mirror.published("cut.tar") == content);
  const auto requests = mirror.requests();
  REQUIRE(requests.size() == 7);
  CHECK(requests[0]["range"] == "");
  for (std::size_t i = 1; i < 7; ++i) {
    CHECK(requests[i]["range"].get<std::string>() == "bytes=" + std::to_string(150000 * i) + "-");
    CHECK(requests[i]["if_range"] != "");
    CHECK(requests[i]["status"] == 206);
  }
}

TEST_CASE("a server that brings nothing new is given up after the third time") {
  Mirror mirror;
  const std::string content = mirror.file("stuck.tar", 100'000);
  const Transfer transfer = mirror.transfer("stuck.tar", content);
  mirror.rules(R"([{"path": "*", "status": 503}])");
  const Fetched busy = mirror.fetch(transfer);
  CHECK_FALSE(busy.ok);
  CHECK(busy.failures[0].message == "503 (text/plain)");
  CHECK(mirror.requests().size() == 3);
  mirror.rules(R"([{"path": "*", "cut_after": 4000, "ignore_range": true}])");
  CHECK(mirror.fetch(transfer).failures[0].message ==
        "the connection was cut after 4000 of 100000 bytes");
  mirror.rules(R"([{"path": "*", "status": 503, "times": 2}])");
  CHECK(mirror.fetch(transfer).ok);
}

TEST_CASE("another run and another mirror go on with what is kept") {
  Mirror mirror;
  const std::string content = mirror.file("later.tar", 3'000'000);
  Transfer transfer = mirror.transfer("later.tar", content);
  leave_half(mirror, transfer, 2'000'000);
  transfer.urls = {mirror.base + "//later.tar"};
  const std::size_t before = mirror.requests().size();
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  CHECK(got.sha256 == sha256(content));
  CHECK(mirror.published("later.tar") == content);
  REQUIRE(mirror.requests().size() == before + 1);
  CHECK(mirror.requests().back()["range"] == "bytes=2000000-");
  CHECK(mirror.requests().back()["if_range"] == "");  // the ETag is the other mirror's
  CHECK(mirror.left().empty());
}

TEST_CASE("a login page does not cost what another mirror has sent") {
  Mirror mirror;
  const std::string content = mirror.file("portal.tar", 90'000);
  const Transfer transfer = mirror.transfer("portal.tar", content);
  leave_half(mirror, transfer, 60'000);
  mirror.rules(R"([{"path": "*", "html": true}])");
  CHECK_FALSE(mirror.fetch(transfer).ok);
  mirror.rules("[]");
  CHECK(mirror.fetch(transfer).ok);
  CHECK(mirror.requests().back()["range"] == "bytes=60000-");
}

TEST_CASE("a server without ranges, a wrong range and a range that is none start over") {
  Mirror mirror;
  const std::string content = mirror.file("over.tar", 90'000);
  const Transfer transfer = mirror.transfer("over.tar", content);
  for (const char* rule : {R"([{"path": "*", "ignore_range": true}])",
                           R"([{"path": "*", "range_from": 10, "times": 1}])",
                           R"([{"path": "*", "status": 416, "times": 1}])"}) {
    CAPTURE(rule);
    leave_half(mirror, transfer, 60'000);
    mirror.rules(rule);
    CHECK(mirror.fetch(transfer).ok);
    CHECK(mirror.published("over.tar") == content);
    CHECK(mirror.left().empty());
    sys::unlinkat(mirror.here.get(), "over.tar", 0);
  }
}

TEST_CASE("kept bytes that do not fit are thrown away, and the mirror is asked for all") {
  Mirror mirror;
  const std::string content = mirror.file("spoilt.tar", 90'000);
  const Transfer transfer = mirror.transfer("spoilt.tar", content);
  leave_half(mirror, transfer, 60'000);
  const sys::Fd part = sys::openat(mirror.partial.get(), part_of(mirror), O_WRONLY);
  sys::write_all(part.get(), "spoilt", "part");
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  CHECK(got.failures.empty());
  CHECK(mirror.published("spoilt.tar") == content);
  CHECK(mirror.requests().back()["range"] == "");
}

TEST_CASE("a whole file that was only not published is verified instead of fetched again") {
  Mirror mirror;
  const std::string content = mirror.file("whole.tar", 90'000);
  const Transfer transfer = mirror.transfer("whole.tar", content);
  leave_half(mirror, transfer, 60'000);
  const sys::Fd part = sys::openat(mirror.partial.get(), part_of(mirror), O_WRONLY);
  sys::write_all(part.get(), content, "part");
  const std::size_t before = mirror.requests().size();
  const Fetched got = mirror.fetch(transfer);
  CHECK(got.ok);
  CHECK(got.requested_url == mirror.base + "/whole.tar");
  CHECK(mirror.requests().size() == before);
  CHECK(mirror.published("whole.tar") == content);
}

TEST_CASE("without digests only an unchanged ETag lets a file go on") {
  Mirror mirror;
  std::string content = mirror.file("loose.tar", 90'000);
  Transfer transfer = mirror.transfer("loose.tar", content);
  transfer.digests.clear();
  leave_half(mirror, transfer, 60'000);
  CHECK(mirror.fetch(transfer).ok);
  CHECK(mirror.requests().back()["status"] == 206);
  leave_half(mirror, transfer, 60'000);
  content[0] = '!';
  sys::write_file_atomically(AT_FDCWD, mirror.root() + "/files/loose.tar", content);
  CHECK(mirror.fetch(transfer).ok);
  CHECK(mirror.requests().back()["if_range"] != "");
  CHECK(mirror.requests().back()["status"] == 200);
  CHECK(mirror.published("loose.tar") == content);
  mirror.rules(R"([{"path": "*", "no_etag": true, "cut_after": 60000}])");
  CHECK_FALSE(mirror.fetch(transfer).ok);
  mirror.rules("[]");
  CHECK(mirror.fetch(transfer).ok);
  CHECK(mirror.requests().back()["range"] == "");
}

TEST_CASE("a server that stands still or says nothing is left, and what it sent is kept") {
  Mirror mirror;
  const std::string content = mirror.file("slow.tar", 90'000);
  (void)mirror.file("mute.tar", 90'000);
  mirror.settings.stall_time = std::chrono::seconds(1);
  mirror.settings.stall_bytes_per_second = 1'000'000;
  mirror.settings.attempts = 1;
  mirror.rules(R"([{"path": "/slow.tar", "slow": 20000, "times": 1},
                   {"path": "/mute.tar", "pause": 3}])");
  const std::vector<Transfer> both{mirror.transfer("slow.tar", content),
                                   mirror.transfer("mute.tar", "x")};
  const auto results = fetch_all(mirror.here.get(), both, mirror.settings);
  REQUIRE_FALSE(results[0].ok);
  CHECK(results[0].failures[0].cause == Cause::cut);
  CHECK(results[0].failures[0].message.find(" of 90000 bytes: less than 976.6 KiB/s for 1 s") !=
        std::string::npos);
  REQUIRE_FALSE(results[1].ok);
  CHECK(results[1].failures[0].message ==
        "stood still after 0 of 1 bytes: less than 976.6 KiB/s for 1 s");
  CHECK(mirror.fetch(both[0]).ok);
  CHECK(mirror.requests().back()["status"] == 206);
}

TEST_CASE("an interrupt ends everything at once and keeps what has arrived") {
  Mirror mirror;
  const std::string content = mirror.file("stop.tar", 900'000);
  const Transfer transfer = mirror.transfer("stop.tar", content);
  mirror.rules(R"([{"path": "*", "slow": 1000000}])");
  bool arrived = false;
  mirror.settings.on_progress = [&](const Progress& progress) { arrived = progress.done > 0; };
  mirror.settings.check_interrupt = [&] {
    if (arrived) throw Interrupted(2);
  };
  CHECK_THROWS_AS(mirror.fetch(transfer), Interrupted);
  CHECK_FALSE(mirror.published("stop.tar"));
  const std::string part = part_of(mirror);
  REQUIRE_FALSE(part.empty());
  const auto kept = sys::fstatat(mirror.partial.get(), part, 0).st_size;
  CHECK(kept > 0);
  mirror.settings.check_interrupt = nullptr;
  mirror.rules("[]");
  CHECK(mirror.fetch(transfer).ok);
  CHECK(mirror.requests().back()["range"].get<std::string>() ==
        "bytes=" + std::to_string(kept) + "-");
  CHECK(mirror.published("stop.tar") == content);
}

TEST_CASE("two that want one file at once: one fetches, the other waits and finds it") {
  Mirror mirror;
  const std::string content = mirror.file("both.tar", 300'000);
  const Transfer transfer = mirror.transfer("both.tar", content);
  mirror.rules(R"([{"path": "*", "slow": 1500000}])");
  const std::vector<Transfer> twice{transfer, transfer};
  const auto results = fetch_all(mirror.here.get(), twice, mirror.settings);
  CHECK(results[0].ok);
  CHECK(results[1].ok);
  CHECK(results[0].kept != results[1].kept);
  CHECK(mirror.requests().size() == 1);
  CHECK(mirror.left().empty());
}
