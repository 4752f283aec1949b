#include "gbox/portage/digests.h"

#include <doctest/doctest.h>

#include "openpgp_fixture.h"

using namespace gbox;
using namespace gbox::portage;
using namespace gbox::test;

namespace {

const std::string kLong1(128, 'a');
const std::string kLong2(128, 'b');
const std::string kShort(64, 'c');

}  // namespace

TEST_CASE("a list's groups of digests are read, whatever else it holds") {
  const std::string text = "# BLAKE2B HASH\n" + kLong1 + "  x.tar.xz\n# SHA512 HASH\n" + kLong2 +
                           "  x.tar.xz\n" + kLong1 + " *other\n# WHIRLPOOL HASH\n" + kLong1 +
                           "  x.tar.xz\n# a remark\n\n# SHA256 HASH\n" + kShort + "  x.tar.xz\n";
  const auto digests = digests_for(text, "x.tar.xz", "DIGESTS");
  REQUIRE(digests.size() == 3);
  CHECK(digests[0] == Digest(HashAlgorithm::blake2b, kLong1));
  CHECK(digests[1] == Digest(HashAlgorithm::sha512, kLong2));
  CHECK(digests[2] == Digest(HashAlgorithm::sha256, kShort));
  CHECK(digests_for(text, "other", "DIGESTS") ==
        std::vector{Digest(HashAlgorithm::sha512, kLong1)});
  CHECK(files_in_digests(text) == std::vector<std::string>{"x.tar.xz", "other"});
}

TEST_CASE("lines without a heading count only where the list is of one algorithm") {
  const std::string text = kLong1 + "  a.sqfs\n";
  CHECK(digests_for(text, "a.sqfs", "sums", HashAlgorithm::sha512) ==
        std::vector{Digest(HashAlgorithm::sha512, kLong1)});
  CHECK(refusal_of([&] { (void)digests_for(text, "a.sqfs", "sums"); }).message ==
        "verify 'a.sqfs': 'sums' has no BLAKE2b, SHA-512 or SHA-256 digest of it");
}

TEST_CASE("a list that does not tell the file's digest is refused") {
  struct Row {
    std::string text;
    std::string message;
  };
  const Row rows[] = {
      {"", "verify 'x': 'DIGESTS' does not name it"},
      {"# SHA512 HASH\n" + kLong1 + "  y\n" + kLong1 + "  ../x\n",
       "verify 'x': 'DIGESTS' does not name it"},
      {"# MD5 HASH\n" + kShort + "  x\n",
       "verify 'x': 'DIGESTS' has no BLAKE2b, SHA-512 or SHA-256 digest of it"},
      {"# SHA512 HASH\n" + kLong1 + "  x\n" + kLong2 + "  x\n",
       "read 'DIGESTS': it gives two sha512 digests of 'x'"},
      {"# SHA512 HASH\n" + kShort + "  x\n",
       "read 'DIGESTS': '" + kShort + "' is not a digest of sha512 (128 lower-case hex digits)"},
  };
  for (const Row& row : rows) {
    const Refusal refusal = refusal_of([&] { (void)digests_for(row.text, "x", "DIGESTS"); });
    CHECK(refusal.message == row.message);
    CHECK(refusal.code == ExitCode::input);
  }
  CHECK(refusal_of([] { (void)digests_for("", "x", "DIGESTS"); }).fault ==
        SignatureFault::something_else);
}
