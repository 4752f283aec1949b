#include "progress_json.h"

#include <doctest/doctest.h>

#include "fake_terminal.h"

using namespace gbox;
using namespace gbox::cli;

TEST_CASE("each event is one line of JSON with the fields that scripts rely on") {
  FakeTerminal fake;
  JsonRenderer renderer(fake.terminal());
  renderer.step_started(step("php", 2, 2));
  CHECK(fake.take() == R"({"event":"step-start","step":"php","phase":"php","index":2,"total":2,)"
                       R"("key":"0123abcd","reason":"first build"})"
                       "\n");
  renderer.step_cached(step("world", 1, 2));
  CHECK(fake.take() ==
        R"({"event":"step-cached","step":"world","phase":"world","index":1,"total":2,)"
        R"("key":"0123abcd"})"
        "\n");
  renderer.step_done(step("php", 2, 2), 1.23456);
  CHECK(fake.take() ==
        R"({"event":"step-done","step":"php","phase":"php","index":2,"total":2,"seconds":1.235})"
        "\n");
  renderer.build_done({{"oci:out", "sha256:8c1f", 3, 1000}}, 2);
  CHECK(fake.take() == R"({"event":"build-done","seconds":2.0,"outputs":[{"target":"oci:out",)"
                       R"("digest":"sha256:8c1f","layers":3,"size":1000}]})"
                       "\n");
}

TEST_CASE("the level is an event, whatever it is, with each of its parts and what it lacks") {
  FakeTerminal fake;
  JsonRenderer renderer(fake.terminal());
  renderer.level({});
  CHECK(fake.take() == R"({"event":"level","level":"full","ids":"subordinate","proc":"own",)"
                       R"("storage":"kernel","lacks":[]})"
                       "\n");
  sys::Decision decision;
  decision.level = sys::Level::no_kernel_overlay;
  decision.means = {sys::Ids::subordinate, sys::Proc::bound, sys::Storage::copy};
  decision.lacks = {{"overlay", sys::Outcome::lack, "why", "how", "what", decision.level}};
  renderer.level(decision);
  CHECK(fake.take() ==
        R"({"event":"level","level":"no-kernel-overlay","ids":"subordinate","proc":"bound",)"
        R"("storage":"copy","lacks":[{"name":"overlay","reason":"why","lost":"what",)"
        R"("remedy":"how"}]})"
        "\n");
}

TEST_CASE("a failure carries the log's path and its last lines") {
  FakeTerminal fake;
  JsonRenderer renderer(fake.terminal());
  renderer.step_started(step("php", 1, 1));
  renderer.step_output(step("php", 1, 1), "x.c:1: error: no");
  (void)fake.take();
  renderer.step_failed(step("php", 1, 1), 2, "/log");
  const Json event = Json::parse(fake.written);
  CHECK(event["event"] == "step-failed");
  CHECK(event["seconds"] == 2);
  CHECK(event["log"] == "/log");
  CHECK(event["tail"] == Json::array({"x.c:1: error: no"}));
}

TEST_CASE("any bytes in names and output leave the stream one object a line") {
  FakeTerminal fake;
  JsonRenderer renderer(fake.terminal());
  renderer.step_output(step("p\nq\"\xff", 1, 1), "\x1b[31m\xff\n\"");
  renderer.fact("a\xc0", "b");
  renderer.error(Error("c\xfe\n"));
  renderer.warn({"d\x80", "e"});
  const auto lines = split(fake.written, '\n');
  REQUIRE(lines.size() == 5);
  for (std::size_t i = 0; i < 4; ++i) CHECK(Json::accept(lines[i]));
  CHECK(lines[4].empty());
}

TEST_CASE("an error is an event as well") {
  FakeTerminal fake;
  JsonRenderer renderer(fake.terminal());
  renderer.error(Error("no", ExitCode::host).set_hint("do"));
  CHECK(fake.written == R"({"event":"error","message":"no","hint":"do","code":3})"
                        "\n");
}

TEST_CASE("progress comes once a second and once more at the end") {
  FakeTerminal fake;
  JsonRenderer renderer(fake.terminal());
  for (int i = 0; i < 100; ++i, fake.now += 0.02)
    renderer.progress("unpack", static_cast<std::uint64_t>(i), 100);
  renderer.progress("unpack", 100, 100);
  renderer.progress("unpack", 100, 100);
  CHECK(split(fake.take(), '\n').size() - 1 == 3);
  renderer.progress("unpack", 0, 50);  // the next of that name
  CHECK(split(fake.take(), '\n').size() - 1 == 1);
}
