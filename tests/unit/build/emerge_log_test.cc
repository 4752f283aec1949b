#include "emerge_log.h"

#include <doctest/doctest.h>

using namespace gbox::build;

TEST_CASE("the package that failed and its phase are read from Portage's own words") {
  const auto found = failed_package_in(
      " * Package: app-demo/fussy-1.0\n"
      "make: *** [Makefile:4: all] Error 1\n"
      " * ERROR: app-demo/fussy-1.0::standin failed (compile phase):\n"
      " *   emake failed\n");
  REQUIRE(found);
  CHECK(found->cpv == "app-demo/fussy-1.0");
  CHECK(found->phase == "compile");
}

TEST_CASE("colours of an ebuild do not hide the failure") {
  const auto found = failed_package_in(
      " \x1b[31;01m*\x1b[0m ERROR: dev-lang/php-8.3.1::gentoo failed (install phase):\n");
  REQUIRE(found);
  CHECK(found->cpv == "dev-lang/php-8.3.1");
}

TEST_CASE("a log that claims nonsense yields nothing, or something harmless to show") {
  CHECK_FALSE(failed_package_in(""));
  CHECK_FALSE(failed_package_in(" * ERROR: no package here\n"));
  CHECK_FALSE(failed_package_in(" * ERROR: noslash failed (compile phase):\n"));
  CHECK_FALSE(
      failed_package_in(" * ERROR: a/" + std::string(500, 'b') + "::x failed (compile phase):\n"));
  const auto hostile = failed_package_in(" * ERROR: a/b\x07 failed (com\x01pile phase):\n");
  REQUIRE(hostile);
  CHECK(hostile->cpv == "a/b?");
  CHECK(hostile->phase == "com?pile");
}

TEST_CASE("what emerge began to merge is told once each, in order") {
  const auto packages = emerged_packages_in(
      ">>> Verifying ebuild manifests\n"
      ">>> Emerging (1 of 3) dev-libs/a-1::gentoo\n"
      ">>> Emerging binary (2 of 3) dev-libs/b-2::gentoo for /destination/\n"
      ">>> Emerging (1 of 3) dev-libs/a-1::gentoo\n"
      "echo >>> Emerging (9 of 9) no/no-1\n"
      ">>> Emerging (nonsense\n");
  CHECK(packages == std::vector<std::string>{"dev-libs/a-1", "dev-libs/b-2"});
}

TEST_CASE("want of memory is told from other failures") {
  const char* killed =
      "x86_64-pc-linux-gnu-g++: fatal error: Killed signal terminated program cc1plus\n"
      "compilation terminated.\n";
  CHECK(out_of_memory_in(killed, true) ==
        "x86_64-pc-linux-gnu-g++: fatal error: Killed signal terminated program cc1plus");
  CHECK(out_of_memory_in("Killed\nmake: *** [Makefile:2: all] Error 137\n", true) ==
        "make: *** [Makefile:2: all] Error 137");
  // Somebody else may have sent that signal.
  CHECK_FALSE(out_of_memory_in(killed, false));
  CHECK(out_of_memory_in("cc1plus: out of memory allocating 65536 bytes\n", false) ==
        "cc1plus: out of memory allocating 65536 bytes");
  CHECK_FALSE(out_of_memory_in("a.c:1: error: 'memory' was not declared\n", true));
  CHECK_FALSE(out_of_memory_in("", true));
  CHECK(out_of_memory_in("std::bad_alloc\x1b]0;\x07" + std::string(500, 'x'), false)->size() <=
        160);
}

TEST_CASE("what could not be done in a root is what gbox's own program said last") {
  CHECK_FALSE(complaint_in("!!! Error: invalid target three\n>>> gbox: done\n"));
  CHECK(complaint_in("!!! gbox: one\n!!! Error\n!!! gbox: two \x1b[1m\n") == "two ?[1m");
}
