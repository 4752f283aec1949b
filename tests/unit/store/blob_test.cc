#include "fixture.h"

using namespace gbox;
using namespace gbox::store;
using namespace gbox::store::test;

namespace {

CachedLayer layer_of(Store& store, std::string_view text) {
  return {put_blob(store, text), text.size(), sha256("diff"), 4096};
}

}  // namespace

TEST_CASE("a committed blob lies under its digest, an abandoned one nowhere") {
  Fixture f;
  const Digest digest = put_blob(f.store, "bytes");
  CHECK(f.store.has_blob(digest));
  CHECK(sys::read_file(f.store.blob_path(digest)) == "bytes");
  {
    BlobWriter writer = f.store.new_blob();
    sys::write_all(writer.fd(), "half", "blob");
    BlobWriter moved = std::move(writer);
    CHECK(f.names("work").size() == 1);
  }
  CHECK(f.names("work").empty());
  CHECK(f.names("blobs/sha256").size() == 1);
  CHECK_FALSE(f.store.has_blob(sha256("half")));
}

TEST_CASE("a blob of a killed process goes at the next open, one being written stays") {
  Fixture f;
  CHECK(in_process([&] {
          BlobWriter writer = f.store.new_blob();
          sys::write_all(writer.fd(), "half", "blob");
          die();
        }) == 128 + SIGKILL);
  BlobWriter mine = f.store.new_blob();
  CHECK(f.names("work").size() == 2);
  f.open();
  CHECK(f.names("work").size() == 1);
  sys::write_all(mine.fd(), "whole", "blob");
  mine.commit(sha256("whole"));
  CHECK(f.store.has_blob(sha256("whole")));
}

TEST_CASE("a blob cut short is replaced by the next commit, a whole one is kept") {
  Fixture f;
  const Digest digest = put_blob(f.store, "bytes");
  const ino_t first = sys::fstatat(AT_FDCWD, f.store.blob_path(digest), 0).st_ino;
  put_blob(f.store, "bytes");
  CHECK(sys::fstatat(AT_FDCWD, f.store.blob_path(digest), 0).st_ino == first);
  REQUIRE(::truncate(f.store.blob_path(digest).c_str(), 2) == 0);
  put_blob(f.store, "bytes");
  CHECK(sys::read_file(f.store.blob_path(digest)) == "bytes");
}

TEST_CASE("blobs are named by sha256 only") {
  Fixture f;
  CHECK_THROWS_AS((void)f.store.blob_path(Digest()), Error);
  CHECK_THROWS_AS((void)f.store.has_blob(Digest(HashAlgorithm::sha512, std::string(128, 'a'))),
                  Error);
  BlobWriter writer = f.store.new_blob();
  CHECK_THROWS_AS(writer.commit(Digest()), Error);
}

TEST_CASE("a packed layer is found by its snapshots and options, and by nothing else") {
  Fixture f;
  const LayerKey key{{"0123456789abcdef"}, "gzip 6"};
  const CachedLayer layer = layer_of(f.store, "packed");
  f.store.put_layer(key, layer);
  const auto found = f.open().find_layer(key);
  REQUIRE(found);
  CHECK(found->digest == layer.digest);
  CHECK(found->size_bytes == 6);
  CHECK(found->diff_id == layer.diff_id);
  CHECK(found->uncompressed_bytes == 4096);
  CHECK_FALSE(f.store.find_layer({key.snapshots, "zstd 3"}));
  CHECK_FALSE(f.store.find_layer({{"fedcba9876543210"}, key.options}));
  CHECK_FALSE(f.store.find_layer({{"0123456789abcdef", "fedcba9876543210"}, key.options}));
  CHECK(f.warnings.messages.empty());
}

TEST_CASE("a packed layer whose blob is gone, cut short or torn by a power cut is packed again") {
  Fixture f;
  const LayerKey key{{"0123456789abcdef"}, "gzip 6"};
  const auto lose = std::vector<std::function<void(const Digest&)>>{
      [&](const Digest& d) { sys::unlinkat(AT_FDCWD, f.store.blob_path(d), 0); },
      [&](const Digest& d) { REQUIRE(::truncate(f.store.blob_path(d).c_str(), 1) == 0); },
      [&](const Digest&) {
        const std::string path = f.path() + "/layers/" + f.names("layers")[0];
        Json json = parse_json(sys::read_file(path), "layer");
        json["boot"] = "another";
        sys::write_file_atomically(AT_FDCWD, path, json.dump());
      },
      [&](const Digest&) {
        sys::write_file_atomically(AT_FDCWD, f.path() + "/layers/" + f.names("layers")[0], "{");
      }};
  for (const auto& act : lose) {
    const CachedLayer layer = layer_of(f.store, "packed");
    f.store.put_layer(key, layer);
    REQUIRE(f.store.find_layer(key));
    act(layer.digest);
    f.warnings.messages.clear();
    CHECK_FALSE(f.store.find_layer(key));
    CHECK(f.warnings.messages.size() == 1);
    CHECK(f.names("layers").empty());
  }
  f.store.put_layer(key, layer_of(f.store, "packed"));
  f.store.sync();
  const std::string path = f.path() + "/layers/" + f.names("layers")[0];
  CHECK_FALSE(parse_json(sys::read_file(path), "layer").contains("boot"));
  CHECK(f.store.find_layer(key));
}

TEST_CASE("a layer without its blob is not taken in") {
  Fixture f;
  CHECK_THROWS_AS(
      f.store.put_layer({{"0123456789abcdef"}, "x"}, {sha256("never"), 5, sha256("diff"), 10}),
      Error);
}
