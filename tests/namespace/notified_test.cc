// Calls of a step that gbox answers itself: by the handler it was given, with the caller's memory
// at hand, and never in a way that a step or a kill could make a sandbox hang.
#include <doctest/doctest.h>

#include <linux/audit.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::sandbox;
using namespace gbox::tests;

namespace {

// Numbers of x86-64.
constexpr char kGetppid[] = "110";
constexpr char kBpf[] = "321";

struct Refused {
  std::string call;
  std::string why;
  std::uint32_t number;
};

}  // namespace

TEST_CASE("a handler answers with a value, an error or the kernel's own answer") {
  const Box box;
  sandbox::Settings settings =
      box.settings(std::string("call ") + kGetppid + " ; mkdir /tmp/a ; mkdir /tmp/b ; list /tmp");
  std::atomic<int> asked = 0;
  settings.notified.handlers["getppid"] = [](const Call&) { return Answer::error(EXDEV); };
  settings.notified.handlers["mkdir"] = [&](const Call& call) {
    ++asked;
    // The first is done by the kernel, the second only said to be.
    return call.read_string(call.arguments[0]) == "/tmp/a" ? Answer::proceed() : Answer::result(0);
  };
  const Outcome outcome = box.run(std::move(settings));
  CHECK(outcome.out == "EXDEV\nok\nok\na\n");
  CHECK(outcome.code == 0);
  CHECK(asked == 2);
}

TEST_CASE("a handler sees who called what, and reads and writes the caller's memory") {
  const Box box;
  sandbox::Settings settings = box.settings("link-target /proc/1/exe ; become 1000 1000");
  settings.notified.handlers["readlink"] = [](const Call& call) {
    const std::string said = "by the handler";
    // The C library asks for its own program's path when it starts.
    if (call.read_string(call.arguments[0]) != "/proc/1/exe") return Answer::proceed();
    CHECK(call.name == "readlink");
    CHECK(call.architecture == AUDIT_ARCH_X86_64);
    CHECK(call.pid > 0);
    CHECK(call.alive());
    // Neither beyond the limit nor where nothing is mapped.
    CHECK_FALSE(call.read_string(call.arguments[0], 4).has_value());
    CHECK_FALSE(call.read_string(16).has_value());
    CHECK_FALSE(call.write(16, std::as_bytes(std::span(said))));
    REQUIRE(call.write(call.arguments[1], std::as_bytes(std::span(said))));
    return Answer::result(static_cast<std::int64_t>(said.size()));
  };
  CHECK(box.run(std::move(settings)).out == "by the handler\nok\n");
}

TEST_CASE("a refusal can be watched, with its rule, and changes nothing for the step") {
  const Box box;
  const std::string deeds = std::string("call ") + kBpf +
                            " ; call 9999 ; call 16 0 0x100005412 ; call 16 0 0x5413 ; call 39";
  const std::string plain = box.run(deeds).out;
  std::mutex guard;
  std::vector<Refused> seen;
  sandbox::Settings settings = box.settings(deeds);
  settings.notified.on_refusal = [&](const Call& call, const Decision& decision) {
    const std::scoped_lock lock(guard);
    seen.push_back({call.name, decision.refusal ? decision.refusal->why : "", call.number});
  };
  CHECK(box.run(std::move(settings)).out == plain);
  CHECK(plain.starts_with("EPERM\nENOSYS\nEPERM\n"));
  REQUIRE(seen.size() >= 3);
  CHECK(seen[0].call == "bpf");
  CHECK(seen[0].why.find("in the kernel") != std::string::npos);
  CHECK(seen[1].call.empty());
  CHECK(seen[1].number == 9999);
  CHECK(seen[2].call == "ioctl");
  CHECK(seen[2].why.find("TIOCSTI") != std::string::npos);
}

TEST_CASE("what a handler throws fails the step's wait, and the step sees an error") {
  const Box box;
  sandbox::Settings settings = box.settings("mkdir /tmp/a ; mkdir /tmp/b ; exit 0");
  (void)sandbox::ensure_targets(settings);
  settings.notified.handlers["mkdir"] = [](const Call&) -> Answer { throw Error("no room"); };
  Running running(std::move(settings));
  CHECK(error_of([&] { (void)running.finish(); }) == "no room");
}

TEST_CASE("a sandbox that is killed while a call waits ends at once") {
  const Box box;
  std::atomic<bool> waiting = false;
  sandbox::Settings settings = box.settings("mkdir /tmp/a");
  (void)sandbox::ensure_targets(settings);
  settings.notified.handlers["mkdir"] = [&](const Call& call) {
    waiting = true;
    while (call.alive()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK_FALSE(call.read_string(call.arguments[0]).has_value());
    return Answer::result(0);
  };
  Running running(std::move(settings));
  while (!waiting) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  running.sandbox().kill();
  CHECK(running.finish().code == 137);
}

TEST_CASE("a sandbox whose handle is dropped while it runs leaves neither thread nor process") {
  const Box box;
  const std::string mark = "gbox-notified-" + sys::random_hex(4);
  {
    sandbox::Settings settings = box.settings("ready ; mkdir /tmp/a ; wait " + mark);
    (void)sandbox::ensure_targets(settings);
    settings.notified.handlers["mkdir"] = [](const Call&) { return Answer::proceed(); };
    Running running(std::move(settings));
    running.await("ready");
  }
  CHECK(processes_with_argument(mark).empty());
}

TEST_CASE("daemons, orphans and programs of their own making are answered, too") {
  const Box box;
  sandbox::Settings settings = box.settings(std::string("exec /bin/payload unshare Um + call ") +
                                            kGetppid + " + daemon + exit 3");
  settings.notified.handlers["getppid"] = [](const Call&) { return Answer::error(EXDEV); };
  const Outcome outcome = box.run(std::move(settings));
  CHECK(outcome.out == "ok\nEXDEV\nok\n");
  CHECK(outcome.code == 3);
}

TEST_CASE("a start that fails says why, also when a listener is wanted") {
  const Box box;
  sandbox::Settings settings = box.settings("exit 0");
  settings.notified.handlers["mkdir"] = [](const Call&) { return Answer::proceed(); };
  // No target for this one: ensure_targets() was not asked.
  settings.mounts.push_back(tmpfs_mount("/missing", "", "0755"));
  const Policy policy = load_policy("emerge");
  const std::string said = error_of([&] {
    (void)Sandbox::start(std::move(settings), policy, Pipes{-1, -1, -1});
  });
  CHECK(said.find("find mount point '/missing'") != std::string::npos);
}

TEST_CASE("a policy without the call that hands over the listener is refused, not waited for") {
  const Box box;
  Policy policy = load_policy("emerge");
  std::erase(policy.allowed_calls, "sendmsg");
  sandbox::Settings settings = box.settings("exit 0");
  settings.notified.on_refusal = [](const Call&, const Decision&) {};
  const std::string said = error_of([&] {
    (void)Sandbox::start(std::move(settings), policy, Pipes{-1, -1, -1});
  });
  CHECK(said.find("does not allow 'sendmsg'") != std::string::npos);
}

TEST_CASE("no descriptor of the listener is in the step") {
  const Box box;
  sandbox::Settings settings = box.settings("list /proc/self/fd");
  settings.notified.handlers["mkdir"] = [](const Call&) { return Answer::proceed(); };
  CHECK(box.run(std::move(settings)).out == box.run("list /proc/self/fd").out);
}
