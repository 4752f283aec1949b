// Versions as PMS 3.2 and 3.3 have them.
#include "gbox/portage/version.h"

#include <doctest/doctest.h>

using namespace gbox::portage;

TEST_CASE("a version is numbers, a letter, suffixes and a revision") {
  for (const char* text : {"1", "1.2.3", "1.2b", "1_rc", "1_alpha1_p2", "1.0-r0", "20260101",
                           "1.2.3b_rc4_p5-r6", "9999"})
    CHECK_MESSAGE(is_version(text), text);
  for (const char* text : {"", "a", "1.", ".1", "1..2", "1bb", "1B", "1_", "1_foo", "1-r", "1-rc1",
                           "1-r1-r2", "1 ", "1*", "-1"})
    CHECK_MESSAGE(!is_version(text), text);
}

TEST_CASE("versions are ordered by PMS' algorithm") {
  // Each is older than the next.
  const char* ascending[] = {"0",
                             "0.9",
                             "1_alpha",
                             "1_alpha1",
                             "1_alpha1_p1",
                             "1_alpha2_beta",
                             "1_beta",
                             "1_pre9",
                             "1_rc",
                             "1",
                             "1-r1",
                             "1-r10",
                             "1_p",
                             "1_p1-r1",
                             "1_p2_rc1",
                             "1_p2",
                             "1a",
                             "1b_alpha",
                             "1b",
                             "1.0",
                             "1.0.1",
                             "1.001",
                             "1.01",
                             "1.010.1",
                             "1.1",
                             "1.2",
                             "1.10",
                             "1.100000000000000000000000000000",
                             "2",
                             "10",
                             "99999999999999999999999999999999"};
  for (std::size_t i = 0; i < std::size(ascending); ++i)
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      const int wanted = i < j ? -1 : (i > j ? 1 : 0);
      CHECK_MESSAGE(compare_versions(ascending[i], ascending[j]) == wanted, ascending[i], " and ",
                    ascending[j]);
    }
}

TEST_CASE("versions that differ in writing only are equal") {
  CHECK(compare_versions("1", "01") == 0);
  CHECK(compare_versions("1.10", "1.10-r0") == 0);
  CHECK(compare_versions("1_p", "1_p0") == 0);
  CHECK(compare_versions("1.010", "1.01") == 0);
  CHECK(compare_versions("1_rc01", "1_rc1") == 0);
}

TEST_CASE("a name ends where the version begins") {
  const auto php = split_name_version("php-8.3.1-r2");
  REQUIRE(php);
  CHECK(php->name == "php");
  CHECK(php->version == "8.3.1-r2");
  CHECK(split_name_version("gtk+-doc-tools-1.0")->name == "gtk+-doc-tools");
  CHECK(split_name_version("foo-1a-bar_p-3_p1")->version == "3_p1");
  CHECK_FALSE(split_name_version("gtk.2-1"));
  CHECK_FALSE(split_name_version("php"));
  CHECK_FALSE(split_name_version("-1"));
  CHECK_FALSE(split_name_version("php-8.x"));
  CHECK(without_revision("1.2-r3") == "1.2");
  CHECK(without_revision("1.2_rc1") == "1.2_rc1");
}
