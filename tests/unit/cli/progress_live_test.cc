#include "progress_live.h"

#include <doctest/doctest.h>

#include "cells.h"
#include "fake_terminal.h"

using namespace gbox;
using namespace gbox::cli;

namespace {

std::size_t occurrences(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size())
    ++count;
  return count;
}

}  // namespace

TEST_CASE("settled lines stay, what runs is shown below with a bar and its last line") {
  FakeTerminal fake;
  LiveRenderer renderer(fake.terminal(), Verbose::no);
  renderer.plan({step("world", 1, 2), step("php", 2, 2)}, 1);
  renderer.step_cached(step("world", 1, 2));
  renderer.step_started(step("php", 2, 2));
  fake.now = 52;
  renderer.step_output(step("php", 2, 2), ">>> Compiling source");
  CHECK(fake.screen() ==
        std::vector<std::string>{"plan     2 steps: 1 cached, 1 to run", "cached   [1/2] world",
                                 "php      ################################  1/2  0:52",
                                 "         >>> Compiling source", ""});
  renderer.step_done(step("php", 2, 2), 52);
  renderer.build_done({}, 53);
  CHECK(fake.screen() ==
        std::vector<std::string>{"plan     2 steps: 1 cached, 1 to run", "cached   [1/2] world",
                                 "done     [2/2] php  0:52", "finished 1 step run, in 0:53", ""});
}

TEST_CASE("the bar fills with the steps that are finished") {
  FakeTerminal fake;
  LiveRenderer renderer(fake.terminal(), Verbose::no);
  renderer.plan({step("a", 1, 4), step("b", 2, 4), step("c", 3, 4), step("d", 4, 4)}, 1);
  renderer.step_cached(step("a", 1, 4));
  renderer.step_started(step("b", 2, 4));
  CHECK(occurrences(fake.written, "■") == 8);
  CHECK(occurrences(fake.written, "□") == 24);
}

TEST_CASE("packages that are built at once have a line each, and the bar counts them") {
  FakeTerminal fake;
  LiveRenderer renderer(fake.terminal(), Verbose::no);
  const auto part = [](const char* name, unsigned index) {
    build::StepInfo info = step(name, index, 4);
    info.phase = "php";
    info.part = true;
    return info;
  };
  renderer.step_started(step("php", 2, 2));
  renderer.step_cached(part("php/dev-libs/a", 1));
  renderer.step_started(part("php/dev-libs/b", 2));
  fake.now = 10;
  renderer.step_started(part("php/dev-libs/c", 3));
  fake.now = 20;
  renderer.step_output(part("php/dev-libs/b", 2), "compiling b");
  // Merging is not announced: what it prints is kept in case it fails.
  renderer.step_output(part("php/dev-libs/a", 1), "merging a");
  fake.now = 21;
  renderer.tick();
  CHECK(fake.screen() ==
        std::vector<std::string>{"php      ################################  1/4  2 at once",
                                 "         php/dev-libs/b  0:21  compiling b",
                                 "         php/dev-libs/c  0:11", ""});
  renderer.step_failed(part("php/dev-libs/a", 1), 1, "/log");
  CHECK(fake.written.find("  merging a") != std::string::npos);
  renderer.step_done(part("php/dev-libs/b", 2), 21);
  fake.now = 22;
  renderer.tick();
  CHECK(fake.screen().at(fake.screen().size() - 2).starts_with("php/dev-libs/c"));
}

TEST_CASE("no line of the region is as wide as the terminal, however narrow that is") {
  for (const unsigned columns : {200u, 80u, 40u, 20u, 8u, 2u, 1u}) {
    FakeTerminal fake;
    fake.size = {columns, 24};
    LiveRenderer renderer(fake.terminal(), Verbose::no);
    renderer.step_started(step("a-rather-long-phase-name-that-goes-on", 0, 0));
    (void)fake.take();
    fake.now = 1;
    renderer.step_output(step("x", 1, 1), std::string(300, 'x') + "中文");
    for (const std::string& line : split(fake.written, '\n'))
      CHECK(cell_width(clean_line(line)) <= std::max(1u, columns - 1));
  }
}

TEST_CASE("at most ten frames a second are drawn, however much a step says") {
  FakeTerminal fake;
  LiveRenderer renderer(fake.terminal(), Verbose::no);
  renderer.step_started(step("php", 1, 1));
  (void)fake.take();
  for (int i = 0; i < 10000; ++i) {
    fake.now += 0.0001;
    renderer.step_output(step("php", 1, 1), "line");
    renderer.tick();
  }
  CHECK(occurrences(fake.written, "\x1b[J") <= 10);
}

TEST_CASE("the region takes at most a third of the rows") {
  FakeTerminal fake;
  fake.size = {80, 5};
  LiveRenderer renderer(fake.terminal(), Verbose::no);
  renderer.step_started(step("php", 1, 1));
  fake.now = 1;
  renderer.step_output(step("php", 1, 1), "line");
  CHECK(fake.screen().size() == 2);  // one line and the empty one with the cursor
}

TEST_CASE("a terminal that became narrower has wrapped the region: all its rows are redrawn") {
  FakeTerminal fake;
  fake.size = {80, 24};
  LiveRenderer renderer(fake.terminal(), Verbose::no);
  renderer.plan({step("php", 1, 1)}, 0);
  renderer.step_started(step("php", 1, 1));
  fake.now = 1;
  renderer.step_output(step("php", 1, 1), std::string(60, 'x'));  // rows of 52 and 69 cells
  (void)fake.take();
  fake.size = {40, 24};
  fake.now = 2;
  renderer.tick();
  CHECK(fake.written.starts_with("\x1b[4A\r\x1b[J"));
}

TEST_CASE("an error clears the region first and nothing is drawn after it") {
  FakeTerminal fake;
  {
    LiveRenderer renderer(fake.terminal(), Verbose::no);
    renderer.step_started(step("php", 1, 1));
    fake.now = 1;
    renderer.step_output(step("php", 1, 1), "line");
    renderer.error(Interrupted(2));
  }
  CHECK(fake.screen() == std::vector<std::string>{"gbox: error: interrupted", ""});
}

TEST_CASE("whoever takes the terminal finds it empty, and a renderer that goes leaves it so") {
  FakeTerminal fake;
  {
    LiveRenderer renderer(fake.terminal(), Verbose::no);
    renderer.step_started(step("php", 1, 1));
    renderer.suspend();
    CHECK(fake.screen() == std::vector<std::string>{""});
    renderer.suspend();
    fake.now = 1;
    renderer.tick();
    CHECK(fake.screen().size() == 2);
  }
  CHECK(fake.screen() == std::vector<std::string>{""});
}

TEST_CASE("work outside steps has a bar of its own, and what is waited for is named") {
  FakeTerminal fake;
  LiveRenderer renderer(fake.terminal(), Verbose::no);
  renderer.progress("unpack", 150u << 20, 300u << 20);
  CHECK(occurrences(fake.written, "■") == occurrences(fake.written, "□"));
  CHECK(fake.screen().front().ends_with("150.0 MiB of 300.0 MiB"));
  fake.now = 10;  // what was there at the beginning is no speed
  renderer.progress("unpack", 200u << 20, 300u << 20);
  CHECK(fake.screen().front().ends_with("200.0 MiB of 300.0 MiB, 5.0 MiB/s, 0:20 left"));
  fake.now = 11;
  renderer.waiting("'gbox build' (pid 4711)");
  CHECK(fake.screen().front() == "waiting  for 'gbox build' (pid 4711)");
  renderer.fact("base", "in store");
  CHECK(fake.screen().front() == "base     in store");
}

TEST_CASE("verbose output scrolls above the region") {
  FakeTerminal fake;
  LiveRenderer renderer(fake.terminal(), Verbose::yes);
  renderer.step_started(step("php", 1, 1));
  fake.now = 1;
  renderer.step_output(step("php", 1, 1), "cc -c x.c");
  CHECK(fake.screen().front() == "php | cc -c x.c");
  CHECK(fake.screen().size() == 4);
}
