#include "error_text.h"

#include <doctest/doctest.h>

using namespace gbox;
using namespace gbox::cli;

TEST_CASE("an error is one line and each line of its hint another") {
  Error error("unpack 'x.tar': it is cut short", ExitCode::input);
  error.set_hint("fetch it again\nor use another mirror");
  CHECK(error_text(error, Colour::no) ==
        "gbox: error: unpack 'x.tar': it is cut short\n"
        "gbox: hint: fetch it again\n"
        "gbox: hint: or use another mirror\n");
}

TEST_CASE("every fault of a spec is said, with its own hint") {
  const SpecError error(
      {{{"stage4.toml", 14, 3}, "unknown key 'pakages'", "did you mean 'packages'?"},
       {{"stage4.toml", 20, 1}, "phase 'php' is there twice", ""}});
  CHECK(error_text(error, Colour::no) ==
        "gbox: error: stage4.toml:14:3: unknown key 'pakages'\n"
        "gbox: hint: did you mean 'packages'?\n"
        "gbox: error: stage4.toml:20:1: phase 'php' is there twice\n");
  const OrderedJson event = error_event(error);
  CHECK(event["code"] == 2);
  CHECK(event["faults"][0]["line"] == 14);
  CHECK(event["faults"][1]["message"] == "phase 'php' is there twice");
}

TEST_CASE("a message cannot forge lines of ours or drive the terminal") {
  CHECK(error_text(Error("a\ngbox: error: forged \x1b[2J"), Colour::no) ==
        "gbox: error: a\n  gbox: error: forged \n");
}

TEST_CASE("colour marks the word and nothing else") {
  CHECK(error_text(Error("x"), Colour::yes) == "gbox: \x1b[1;31merror:\x1b[0m x\n");
  CHECK(warning_text({"y", "z"}, Colour::no) == "gbox: warning: y\ngbox: hint: z\n");
}

TEST_CASE("the exit status tells what kind of failure it was") {
  CHECK(exit_status(Error("x")) == 1);
  CHECK(exit_status(Error("x", ExitCode::step)) == 6);
  CHECK(exit_status(Interrupted(2)) == 130);
  CHECK(exit_status(Interrupted(15)) == 143);
  CHECK(error_event(Interrupted(15))["code"] == 143);
}
