#include "progress_plain.h"

#include <doctest/doctest.h>

#include "fake_terminal.h"

using namespace gbox;
using namespace gbox::cli;

TEST_CASE("a plain build is a few lines: what was settled, each step begun and ended, the image") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::no, Quiet::no);
  renderer.fact("base", "stage3-x.tar.xz  in store");
  renderer.plan({step("world", 1, 2), step("php", 2, 2)}, 1);
  renderer.step_cached(step("world", 1, 2));
  renderer.step_started(step("php", 2, 2, "'emerge' changed"));
  for (int i = 0; i < 1000; ++i) renderer.step_output(step("php", 2, 2), "noise");
  fake.now = 52;
  renderer.step_done(step("php", 2, 2), 52.2);
  renderer.build_done({{"oci:out:php:8.3", "sha256:8c1f", 3, 88185242}}, 61);
  CHECK(fake.written ==
        "base     stage3-x.tar.xz  in store\n"
        "plan     2 steps: 1 cached, 1 to run\n"
        "cached   [1/2] world\n"
        "start    [2/2] php  ('emerge' changed)\n"
        "done     [2/2] php  0:52\n"
        "image    oci:out:php:8.3  3 layers, 84.1 MiB\n"
        "finished 1 step run, in 1:01\n");
}

TEST_CASE("a long step gives a sign of life each minute, naming what it does") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::no, Quiet::no);
  renderer.step_started(step("php", 1, 1));
  (void)fake.take();
  for (fake.now = 0; fake.now < 185; fake.now += 0.25) {
    renderer.step_output(step("php", 1, 1), "\x1b[32m>>>\x1b[0m Compiling");
    renderer.tick();
  }
  CHECK(fake.written ==
        "running  [1/1] php  1:00  >>> Compiling\n"
        "running  [1/1] php  2:00  >>> Compiling\n"
        "running  [1/1] php  3:00  >>> Compiling\n");
}

TEST_CASE("a failed step shows its last lines and where the rest is") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::no, Quiet::no);
  renderer.step_started(step("php", 1, 1));
  (void)fake.take();
  renderer.step_output(step("php", 1, 1), "cc -c x.c");
  renderer.step_output(step("php", 1, 1), "x.c:1: error: \x1b[31mno\x1b[0m");
  renderer.step_failed(step("php", 1, 1), 252, "/store/logs/php.log");
  renderer.error(Error("phase 'php': emerge failed after 4:12, exit 1", ExitCode::step)
                     .set_hint("'gbox shell php' opens what it left"));
  CHECK(fake.written ==
        "failed   [1/1] php  after 4:12\n"
        "  cc -c x.c\n"
        "  x.c:1: error: no\n"
        "log      /store/logs/php.log  (gbox log php)\n"
        "gbox: error: phase 'php': emerge failed after 4:12, exit 1\n"
        "gbox: hint: 'gbox shell php' opens what it left\n");
}

TEST_CASE("verbose shows every line behind its step's name, and no excerpt after that") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::yes, Quiet::no);
  renderer.step_started(step("php", 1, 1));
  (void)fake.take();
  renderer.step_output(step("php", 1, 1), "cc -c x.c");
  renderer.step_failed(step("php", 1, 1), 2, "/log");
  CHECK(fake.written ==
        "php | cc -c x.c\n"
        "failed   [1/1] php  after 0:02\n"
        "log      /log  (gbox log php)\n");
}

TEST_CASE("none says only what went wrong") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::no, Quiet::yes);
  renderer.fact("base", "x");
  renderer.plan({step("php", 1, 1)}, 0);
  renderer.step_started(step("php", 1, 1));
  renderer.step_output(step("php", 1, 1), "noise");
  fake.now = 1000;
  renderer.tick();
  renderer.waiting("'gbox build'");
  renderer.step_done(step("php", 1, 1), 1000);
  renderer.build_done({}, 1000);
  CHECK(fake.written.empty());
  renderer.warn({"the clock is wrong", ""});
  CHECK(fake.written == "gbox: warning: the clock is wrong\n");
}

TEST_CASE("a level below full is one line: why, what is lost, how to get more") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::no, Quiet::yes);
  renderer.level({});
  CHECK(fake.written.empty());
  sys::Decision decision;
  decision.level = sys::Level::proc_bound;
  decision.lacks = {{"fresh-proc", sys::Outcome::lack, "/proc is masked", "unmask it",
                     "a process list", decision.level},
                    {"x", sys::Outcome::lack, "and so on", "unmask it", "", decision.level}};
  renderer.level(decision);
  CHECK(fake.written ==
        "level    proc-bound: /proc is masked; and so on; lost: a process list; for more: unmask "
        "it\n");
}

TEST_CASE("a warning is said once and a wait when it begins") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::no, Quiet::no);
  renderer.warn({"x", ""});
  renderer.warn({"x", ""});
  renderer.waiting("'gbox build' (pid 4711)");
  renderer.waiting("'gbox build' (pid 4711)");
  CHECK(fake.take() == "gbox: warning: x\nwaiting  for 'gbox build' (pid 4711)\n");
  fake.now = 60;
  renderer.tick();
  CHECK(fake.written == "waiting  for 'gbox build' (pid 4711)\n");
}

TEST_CASE("names from outside cannot drive the log") {
  FakeTerminal fake;
  PlainRenderer renderer(fake.terminal(), Verbose::no, Quiet::no);
  renderer.fact("ba\nse", "x\x1b[2Jy\nforged");
  CHECK(fake.written == "ba?se    xy?forged\n");
}
