#include "values.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"

using namespace gbox;
using namespace gbox::cli;

TEST_CASE("sizes and durations take a number and a unit, and nothing else") {
  CHECK(parse_size("--keep", "10GiB") == 10ull << 30);
  CHECK(parse_size("--keep", "500M") == 500ull << 20);
  CHECK(parse_size("--keep", "7") == 7);
  CHECK(parse_duration("--unused-for", "30d") == 30 * 86400);
  for (const char* bad : {"", "GiB", "-1G", "1.5G", "10 GiB", "10GB", "99999999999T"})
    CHECK_THROWS_AS((void)parse_size("--keep", bad), const Error&);
  for (const char* bad : {"", "30", "d", "3 d", "1y"})
    CHECK_THROWS_AS((void)parse_duration("--unused-for", bad), const Error&);
}

TEST_CASE("a setting is cut at the first equals sign") {
  CHECK(parse_setting("a=b=c") == std::pair<std::string, std::string>{"a", "b=c"});
  CHECK(parse_setting("a=") == std::pair<std::string, std::string>{"a", ""});
  CHECK_THROWS_WITH_AS((void)parse_setting("=b"), "option '--set': '=b' is not NAME=VALUE",
                       const Error&);
}

TEST_CASE("a mistyped mode is answered with the near one, any other with all") {
  try {
    (void)parse_progress("jsno");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(error.hint() == "did you mean 'json'?");
  }
  try {
    (void)parse_progress("fancy");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.hint() == "it takes 'auto', 'tty', 'plain', 'json' and 'none'");
  }
  CHECK(parse_level("proc-bound") == sys::Level::proc_bound);
}
