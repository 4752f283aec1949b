#include "gbox/base/digest.h"

#include <doctest/doctest.h>

#include "gbox/base/error.h"

using namespace gbox;

TEST_CASE("sha256 of known texts") {
  CHECK(sha256("").to_string() ==
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a hasher gives the same digest however the bytes are cut") {
  Hasher hasher(HashAlgorithm::sha512);
  hasher.update("a");
  hasher.update("bc");
  CHECK(hasher.finish().hex().substr(0, 16) == "ddaf35a193617aba");
}

TEST_CASE("blake2b has 512 bits, as Manifests have it") {
  Hasher hasher(HashAlgorithm::blake2b);
  hasher.update("abc");
  const Digest digest = hasher.finish();
  CHECK(digest.hex().substr(0, 16) == "ba80a53f981c4d0d");
  CHECK(Digest::parse(digest.to_string()) == digest);
}

TEST_CASE("only well-formed digests are taken") {
  CHECK(Digest::parse("sha256:" + std::string(64, 'a')).hex() == std::string(64, 'a'));
  for (const char* bad : {"", "sha256:", "sha256:abc", "md5:0123", "sha256", "sha1:aa"})
    CHECK_THROWS_AS(Digest::parse(bad), Error);
  CHECK_THROWS_AS(Digest::parse("sha256:" + std::string(64, 'A')), Error);
  CHECK_THROWS_AS(Digest::parse("sha256:../" + std::string(61, 'a')), Error);
}
