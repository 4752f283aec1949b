#include "package_index.h"

#include <doctest/doctest.h>

using namespace gbox::build;

TEST_CASE("an index is read field by field and written with what counts") {
  const PackageIndex index = parse_package_index(
      "ARCH: amd64\nPACKAGES: 9\nTIMESTAMP: 1\nVERSION: 7\n\n"
      "CPV: b/b-1\nPATH: b/b/b-1-10.xpak\nBUILD_ID: 10\n\n"
      "CPV: b/b-1\nBUILD_ID: 9\nPATH: b/b/b-1-9.xpak\n\n\n"
      "CPV: a/a-1\nUSE:\n");
  REQUIRE(index.entries.size() == 3);
  CHECK(field(index.header, "ARCH") == "amd64");
  CHECK(field(index.entries[0], "PATH") == "b/b/b-1-10.xpak");
  CHECK(field(index.entries[0], "path").empty());
  CHECK(index_text(index, 42) ==
        "ARCH: amd64\nPACKAGES: 3\nTIMESTAMP: 42\nVERSION: 0\n\n"
        "CPV: a/a-1\nUSE:\n\n"
        "CPV: b/b-1\nBUILD_ID: 9\nPATH: b/b/b-1-9.xpak\n\n"
        "CPV: b/b-1\nPATH: b/b/b-1-10.xpak\nBUILD_ID: 10\n\n");
  CHECK(index_text({}, 1) == "PACKAGES: 0\nTIMESTAMP: 1\nVERSION: 0\n\n");
}

TEST_CASE("an entry keeps one line a field, and nothing that is none") {
  const IndexFields fields = parse_fields(
      "CPV: a/a-1\nDESC: it: \"is\"\n no field\nbad name: x\n: y\nCPV: b/b-2\nE: \x1b[1m\nX:1\n");
  CHECK(fields == IndexFields{{"CPV", "a/a-1"}, {"DESC", "it: \"is\""}, {"X", "1"}});
  IndexFields changed = fields;
  set_field(changed, "X", "2");
  set_field(changed, "Y", "3");
  CHECK(field(changed, "X") == "2");
  CHECK(field(changed, "Y") == "3");
}

TEST_CASE("builds of one version are told apart by a number in the name") {
  CHECK(instance_path("dev-lang/php-8.3.1", "php-8.3.1-1.gpkg.tar", 2) ==
        "dev-lang/php/php-8.3.1-2.gpkg.tar");
  CHECK(instance_path("app-misc/a-b-1_p2-r3", "x.xpak", 7) == "app-misc/a-b/a-b-1_p2-r3-7.xpak");
  CHECK(instance_path("x11-libs/gtk+-2.24", "gtk+-2.24.tbz2", 1) ==
        "x11-libs/gtk+/gtk+-2.24-1.xpak");
  for (const char* cpv : {"php-8", "dev-lang/php", "dev-lang/-1"})
    CHECK(instance_path(cpv, "x.gpkg.tar", 1).empty());
  CHECK(instance_path("dev-lang/php-8", "php-8.tar", 1).empty());
  CHECK(instance_id("dev-lang/php-8", "dev-lang/php/php-8-12.gpkg.tar") == 12);
  CHECK(instance_id("dev-lang/php-8", "dev-lang/php-8.gpkg.tar") == 0);
  CHECK(instance_id("dev-lang/php-8", "dev-lang/php/php-8-r1.gpkg.tar") == 0);
  CHECK(instance_id("dev-lang/php-8", "dev-lang/php/php-8-99999999999.gpkg.tar") == 0);
}
