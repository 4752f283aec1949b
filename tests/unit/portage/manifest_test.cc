// Manifests of packages: DIST lines are read, damaged ones named, and a plan that an image made is
// held against them.
#include "gbox/portage/manifest.h"

#include <doctest/doctest.h>

#include <string>

#include "gbox/base/error.h"

using namespace gbox;
using namespace gbox::portage;

namespace {

const std::string kA(128, 'a');
const std::string kB(128, 'b');

PlannedPackage package_with(const char* cpv, const char* file) {
  PlannedPackage package;
  package.id.cpv = cpv;
  Distfile distfile;
  distfile.name = file;
  package.distfiles.push_back(distfile);
  return package;
}

}  // namespace

TEST_CASE("DIST lines of a Manifest are read, whatever stands around them") {
  const auto files = parse_manifest(
      "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
      "AUX x.patch 12 BLAKE2B " +
      kA +
      "\n"
      "DIST a-1.tar.xz 7 BLAKE2B " +
      kA + " SHA512 " + kB +
      " WHIRLPOOL 00\n"
      "EBUILD a-1.ebuild 1 SHA512 " +
      kB +
      "\n"
      "DIST b.zip 0 SHA256 " +
      std::string(64, 'c') +
      "\n"
      "-----BEGIN PGP SIGNATURE-----\n");
  REQUIRE(files.size() == 2);
  CHECK(files[0].name == "a-1.tar.xz");
  CHECK(files[0].size == 7);
  REQUIRE(files[0].digests.size() == 2);
  CHECK(files[0].digests[0] == Digest(HashAlgorithm::blake2b, kA));
  CHECK(files[1].digests[0].algorithm() == HashAlgorithm::sha256);
}

TEST_CASE("a damaged DIST line is named by its number") {
  const std::pair<std::string, const char*> rows[] = {
      {"DIST a", "line 2: a 'DIST' line is cut short"},
      {"DIST a 1 BLAKE2B", "line 2: a 'DIST' line is cut short"},
      {"DIST a x BLAKE2B " + kA, "line 2: 'x' is no size"},
      {"DIST a -1 BLAKE2B " + kA, "line 2: '-1' is no size"},
      {"DIST a 99999999999999999999999 BLAKE2B " + kA, "is no size"},
      {"DIST ../a 1 BLAKE2B " + kA, "line 2: '../a' is no file's name"},
      {"DIST a 1 BLAKE2B abc", "line 2: 'abc' is not a digest"},
  };
  for (const auto& [line, message] : rows) {
    CAPTURE(line);
    try {
      (void)parse_manifest("\n" + line + "\n");
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK_MESSAGE(error.message().find(message) != std::string::npos, error.message());
      CHECK(error.code() == ExitCode::input);
    }
  }
}

TEST_CASE("what an image claims about a file must be what the Manifest says") {
  EmergePlan plan;
  plan.packages.push_back(package_with("app-demo/a-1", "a.tar"));
  const auto manifest = parse_manifest("DIST a.tar 7 BLAKE2B " + kA + " SHA512 " + kB + "\n");
  apply_manifest(plan, plan.packages[0], manifest);
  CHECK(plan.packages[0].distfiles[0].size == 7);
  CHECK(plan.packages[0].distfiles[0].digests.size() == 2);
  apply_manifest(plan, plan.packages[0], manifest);  // equal claims pass

  Distfile& claimed = plan.packages[0].distfiles[0];
  claimed.digests = {Digest(HashAlgorithm::sha512, kA)};
  CHECK_THROWS_WITH_AS(apply_manifest(plan, plan.packages[0], manifest),
                       doctest::Contains("another size or digest for 'a.tar' of 'app-demo/a-1'"),
                       Error);
  claimed.digests = manifest[0].digests;
  claimed.size = 8;
  CHECK_THROWS_AS(apply_manifest(plan, plan.packages[0], manifest), Error);
}

TEST_CASE("a file that a plan's text gave to another package goes to the one that lists it") {
  EmergePlan plan;
  plan.source = EmergePlan::Source::text;
  plan.packages.push_back(package_with("app-demo/a-1", "v1.tar"));
  plan.packages.push_back(package_with("app-demo/b-1", "b.tar"));
  apply_manifest(plan, plan.packages[1], parse_manifest("DIST v1.tar 7 BLAKE2B " + kA + "\n"));
  CHECK(plan.packages[0].distfiles.empty());
  REQUIRE(plan.packages[1].distfiles.size() == 2);
  CHECK(plan.packages[1].distfiles[1].name == "v1.tar");
  CHECK(plan.packages[1].distfiles[1].size == 7);
}
