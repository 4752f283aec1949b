#include "gbox/base/error.h"

#include <doctest/doctest.h>

#include <cerrno>

using namespace gbox;

TEST_CASE("an error reads from the outermost deed to the innermost cause") {
  Error error = SysError(EACCES, "open '/etc/subuid'");
  error.add_context("map ids").add_context("enter sandbox");
  CHECK(std::string(error.what()) ==
        "enter sandbox: map ids: open '/etc/subuid': Permission denied");
}

TEST_CASE("the innermost hint and exit code win") {
  Error error("x", ExitCode::input);
  error.add_hint("inner").add_hint("outer").add_code(ExitCode::step);
  CHECK(error.hint() == "inner");
  CHECK(error.code() == ExitCode::input);
  Error plain("y");
  plain.add_code(ExitCode::host);
  CHECK(plain.code() == ExitCode::host);
}

TEST_CASE("a spec error shows every fault with its place") {
  const SpecError error({{{"a.toml", 3, 5}, "unknown key 'x'", ""}, {{"a.toml"}, "no base", ""}});
  CHECK(error.message() == "a.toml:3:5: unknown key 'x'\na.toml: no base");
  CHECK(error.code() == ExitCode::usage);
}

TEST_CASE("with_context keeps the kind of the error") {
  try {
    with_context("read 'x'", [] { throw SysError(ENOENT, "open 'x'"); });
    FAIL("nothing thrown");
  } catch (const SysError& error) {
    CHECK(error.error_number() == ENOENT);
    CHECK(error.message() == "read 'x': open 'x': No such file or directory");
  }
}
