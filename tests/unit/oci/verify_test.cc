#include "gbox/oci/verify.h"

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

using Complaints = std::vector<std::string>;

struct Written {
  Fixture f;
  Descriptor entry = f.write(f.directory(), f.spec()).manifest;
  Manifest manifest = parse_manifest(f.get(blob(entry.digest)), "m");
  ImageConfig config = parse_image_config(f.get(blob(manifest.config.digest)), "c");

  static std::string blob(const Digest& digest) { return "out/blobs/sha256/" + digest.hex(); }

  // Puts changed documents in place of the old ones, digests made right.
  void rewrite() {
    sys::unlinkat(f.dir.fd(), blob(entry.digest), 0);
    sys::unlinkat(f.dir.fd(), blob(manifest.config.digest), 0);
    manifest.config = f.plant(to_json(config), kConfigType);
    const std::optional<Platform> platform = entry.platform;
    entry = f.plant(to_json(manifest), kManifestType);
    entry.platform = platform;
    f.plant_index({entry});
  }
  [[nodiscard]] Complaints verify(const DiffIdOf& diff_id_of = {}) const {
    return verify_layout(f.directory(), diff_id_of);
  }
  [[nodiscard]] std::string config_name() const {
    return '\'' + manifest.config.digest.to_string() + '\'';
  }
};

}  // namespace

TEST_CASE("a layout that is not there is one complaint") {
  const Fixture f;
  CHECK(verify_layout(f.directory()) ==
        Complaints{"open image 'oci:" + f.at("out") + "': there is no '" + f.at("out") + "'"});
  f.put("bad.tar", "x");
  CHECK(verify_layout(f.archive("bad.tar")) ==
        Complaints{"read '" + f.at("bad.tar") + "': the archive is cut off at byte 1"});
}

TEST_CASE("two entries in index.json are reported: skopeo takes only one") {
  const Written w;
  w.f.plant_index({w.entry, w.entry});
  CHECK(w.verify() ==
        Complaints{"'index.json': it has 2 entries; skopeo and podman want exactly one, or a "
                   "name of its own for each"});
}

TEST_CASE("damaged, missing and stray blobs are all reported at once") {
  const Written w;
  const Digest layer = w.manifest.layers[0].digest;
  w.f.put(Written::blob(layer), "layer 0ne");
  const Descriptor stray = w.f.plant("stray", kLayerType);
  w.f.put("out/blobs/note", "no algorithm");
  CHECK(w.verify() ==
        Complaints{"check blob '" + layer.to_string() + "': its digest is '" +
                       sha256("layer 0ne").to_string() + "' instead of '" + layer.to_string() + "'",
                   "'blobs/note': nothing in the image names it",
                   "'blobs/sha256/" + stray.digest.hex() + "': nothing in the image names it"});
  sys::unlinkat(w.f.dir.fd(), Written::blob(layer), 0);
  CHECK(w.verify().at(0) == "blob '" + layer.to_string() + "': it is not in the image");
}

TEST_CASE("a config that contradicts manifest or index is reported") {
  Written w;
  SUBCASE("history with more layers than there are") {
    w.config.history[1].empty_layer = false;
    w.rewrite();
    CHECK(w.verify() == Complaints{w.config_name() + ": its history has 2 lines with a layer for 1 "
                                                     "diff ids"});
  }
  SUBCASE("diff ids missing") {
    w.config.diff_ids.clear();
    w.config.history.clear();
    w.rewrite();
    CHECK(w.verify() == Complaints{w.config_name() + ": it has 0 diff ids for 1 layers"});
  }
  SUBCASE("times that are none") {
    w.config.history[0].created = "yesterday";
    w.config.created = "today";
    w.rewrite();
    CHECK(w.verify() == Complaints{w.config_name() + ": a line of its history has no time, which "
                                                     "umoci needs",
                                   w.config_name() + ": its time 'today' is not as rfc 3339 wants "
                                                     "it"});
  }
  SUBCASE("another platform") {
    w.config.platform.architecture = "arm64";
    w.rewrite();
    CHECK(w.verify() ==
          Complaints{w.config_name() + ": it is for 'linux/arm64', but the index says "
                                       "'linux/amd64'"});
  }
}

TEST_CASE("diff ids are checked by whoever can decompress") {
  const Written w;
  const Digest layer = w.manifest.layers[0].digest;
  CHECK(w.verify([](const BlobFile&, std::string_view type) {
           CHECK(type == kLayerType);
           return sha256("layer one");
         }).empty());
  CHECK(w.verify([](const BlobFile&, std::string_view) { return sha256("other"); }) ==
        Complaints{"layer '" + layer.to_string() + "': its tar is '" + sha256("other").to_string() +
                   "', but the config says '" + sha256("layer one").to_string() + "'"});
  CHECK(w.verify([](const BlobFile&, std::string_view) -> Digest { throw Error("broken gzip"); }) ==
        Complaints{"layer '" + layer.to_string() + "': broken gzip"});
}

TEST_CASE("one blob under two types is reported") {
  Written w;
  w.manifest.layers.push_back(w.manifest.layers[0]);
  w.manifest.layers[1].media_type = kLayerGzipType;
  w.config.diff_ids.push_back(w.config.diff_ids[0]);
  w.config.history[1].empty_layer = false;
  w.rewrite();
  CHECK(w.verify() == Complaints{"blob '" + w.manifest.layers[0].digest.to_string() +
                                 "': it is named with two types or sizes"});
}

TEST_CASE("a broken document does not end the check") {
  const Written w;
  w.f.plant_index({w.f.plant("{}", kManifestType)});
  const Complaints complaints = w.verify();
  REQUIRE(complaints.size() == 4);
  CHECK(complaints[0] == "read '" + sha256("{}").to_string() + "': key 'schemaVersion' is missing");
  CHECK(complaints[1].ends_with("nothing in the image names it"));
}
