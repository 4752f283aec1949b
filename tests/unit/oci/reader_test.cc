#include "gbox/oci/reader.h"

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

const Platform kAmd64{"linux", "amd64", ""};
const Platform kArm64{"linux", "arm64", ""};

std::string opening(const ImageLocation& location) {
  return "open image '" + to_string(location) + "': ";
}

Descriptor named(Descriptor entry, const std::string& name) {
  entry.annotations[std::string(kRefNameKey)] = name;
  return entry;
}

Descriptor for_platform(Descriptor entry, const Platform& platform) {
  entry.platform = platform;
  return entry;
}

std::string pick_error(const ImageLocation& location,
                       const std::optional<Platform>& platform = std::nullopt) {
  return error_of([&] { (void)LayoutReader(location).pick(platform); });
}

}  // namespace

TEST_CASE("what is no layout says what is missing") {
  const Fixture f;
  f.put("file", "text");
  sys::mkdirat(f.dir.fd(), "empty", 0755);
  CHECK(pick_error(f.directory("none")) ==
        opening(f.directory("none")) + "there is no '" + f.at("none") + "' | check the path");
  CHECK(pick_error(f.directory("file")) == opening(f.directory("file")) + "'" + f.at("file") +
                                               "' is not a directory | for a tar file write "
                                               "'oci-archive:" +
                                               f.at("file") + "'");
  CHECK(pick_error(f.archive("empty")) ==
        opening(f.archive("empty")) + "'" + f.at("empty") +
            "' is a directory | for a directory write 'oci:" + f.at("empty") + "'");
  CHECK(pick_error(f.directory("empty")) ==
        opening(f.directory("empty")) +
            "read 'oci-layout': it is missing: this is no image layout");
  f.put("empty/oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  CHECK(pick_error(f.directory("empty")) ==
        opening(f.directory("empty")) + "read 'oci-layout': layout version '2.0.0' is not '1.0.0'");
}

TEST_CASE("an image is picked by name, and the names are listed when that fails") {
  const Fixture f;
  const Descriptor one = f.write(f.directory(), f.spec()).manifest;
  f.write(f.directory("two"), f.spec("two"));
  const Descriptor two =
      f.plant(f.get("two/blobs/sha256/" +
                    LayoutReader(f.directory("two")).index().manifests[0].digest.hex()),
              kManifestType);
  f.plant_index({named(one, "a"), named(two, "b")});
  CHECK(LayoutReader(f.directory("out", "a")).pick().descriptor.digest == one.digest);
  CHECK(pick_error(f.directory()) == opening(f.directory()) +
                                         "it holds 'a' and 'b' | say which: '" +
                                         to_string(f.directory()) + ":REF'");
  CHECK(pick_error(f.directory("out", "c")) ==
        opening(f.directory("out", "c")) + "there is no 'c' in it, only 'a' and 'b'");
  f.plant_index({});
  CHECK(pick_error(f.directory()) == opening(f.directory()) + "it holds no image");
}

TEST_CASE("a nested index is opened, by platform, past attestations") {
  const Fixture f;
  const Descriptor image = f.write(f.directory(), f.spec()).manifest;
  const Descriptor attestation = for_platform(image, {"unknown", "unknown", ""});
  const auto nest = [&](const std::vector<Descriptor>& entries) {
    f.plant_index({named(f.plant(to_json(Index{.manifests = entries}), kIndexType), "x")});
  };
  nest({attestation, image});
  CHECK(LayoutReader(f.directory()).pick(kAmd64).descriptor.digest == image.digest);
  CHECK(pick_error(f.directory(), kArm64) == opening(f.directory()) +
                                                 "it is not for 'linux/arm64', only for "
                                                 "'linux/amd64'");
  nest({image, for_platform(image, kArm64)});
  CHECK(pick_error(f.directory()) == opening(f.directory()) +
                                         "more than one manifest suits: 'linux/amd64' and "
                                         "'linux/arm64' | copy the one you mean with 'skopeo copy' "
                                         "and use that");
  CHECK(LayoutReader(f.directory()).pick(kAmd64).descriptor.digest == image.digest);
  // The index says arm64, the image's own configuration says amd64.
  CHECK(pick_error(f.directory(), kArm64) ==
        opening(f.directory()) + "it is not for 'linux/arm64' but for 'linux/amd64'");
  nest({attestation});
  CHECK(pick_error(f.directory()) == opening(f.directory()) + "it holds no container image");
}

TEST_CASE("indexes nested too deep or too wide are refused, not walked") {
  const Fixture f;
  Descriptor entry = f.write(f.directory(), f.spec()).manifest;
  for (int i = 0; i < 4; ++i) entry = f.plant(to_json(Index{.manifests = {entry}}), kIndexType);
  f.plant_index({entry});
  CHECK(pick_error(f.directory()) ==
        opening(f.directory()) + "its indexes are nested deeper than 4");
  // A few hundred kilobytes that would be 10^6 visits.
  Descriptor bomb = f.plant(to_json(Index{}), kIndexType);
  for (int i = 0; i < 2; ++i)
    bomb = f.plant(to_json(Index{.manifests = std::vector<Descriptor>(1000, bomb)}), kIndexType);
  f.plant_index({bomb});
  CHECK(pick_error(f.directory()) == opening(f.directory()) + "it holds more than 1000 entries");
}

TEST_CASE("lying documents are refused") {
  const Fixture f;
  const Descriptor good = f.write(f.directory(), f.spec()).manifest;
  const std::string name = "out/blobs/sha256/" + good.digest.hex();
  const std::string text = f.get(name);

  SUBCASE("another content under the digest") {
    std::string changed = text;
    changed[changed.size() - 3] = 'x';
    f.put(name, changed);
    CHECK(pick_error(f.directory()) ==
          opening(f.directory()) + "read blob '" + good.digest.to_string() + "': its digest is '" +
              sha256(changed).to_string() +
              "' | the image is damaged or was tampered with; fetch or export it again");
  }
  SUBCASE("another size") {
    f.put(name, text + " ");
    CHECK(pick_error(f.directory()) ==
          opening(f.directory()) + "read blob '" + good.digest.to_string() + "': it has " +
              std::to_string(text.size() + 1) + " bytes instead of " + std::to_string(text.size()));
  }
  SUBCASE("a document of an absurd size") {
    Descriptor huge = good;
    huge.size = kMaxBlobBytes;
    f.plant_index({huge});
    CHECK(pick_error(f.directory()) == opening(f.directory()) + "read blob '" +
                                           good.digest.to_string() + "': larger than 4.0 MiB");
  }
  SUBCASE("no such blob") {
    sys::unlinkat(f.dir.fd(), name, 0);
    CHECK(pick_error(f.directory()) == opening(f.directory()) + "read blob '" +
                                           good.digest.to_string() + "': it is not in the image");
  }
  SUBCASE("a manifest announced as an index") {
    Descriptor lying = good;
    lying.media_type = kIndexType;
    f.plant_index({lying});
    CHECK(pick_error(f.directory()) ==
          "read '" + good.digest.to_string() + "': it is index and manifest at once");
  }
  SUBCASE("fewer diff ids than layers") {
    Manifest manifest = parse_manifest(text, "m");
    manifest.layers.push_back(manifest.layers[0]);
    f.plant_index({f.plant(to_json(manifest), kManifestType)});
    CHECK(pick_error(f.directory()) == opening(f.directory()) + "read '" +
                                           manifest.config.digest.to_string() +
                                           "': it has 1 diff ids for 2 layers");
  }
}

TEST_CASE("links and special files in a layout lead nowhere") {
  const Fixture f;
  const Descriptor good = f.write(f.directory(), f.spec()).manifest;
  const std::string name = "out/blobs/sha256/" + good.digest.hex();
  const std::string text = f.get(name);
  f.put("secret", text);
  const auto replaced_by = [&](const std::string& what, const std::string& by) {
    sys::remove_tree(f.dir.fd(), what);
    sys::symlinkat(by, f.dir.fd(), what);
    return pick_error(f.directory());
  };
  CHECK(replaced_by(name, f.at("secret")).find("a symbolic link is in the way") !=
        std::string::npos);
  CHECK(replaced_by(name, "../../../secret").find("a symbolic link is in the way") !=
        std::string::npos);
  sys::remove_tree(f.dir.fd(), name);
  REQUIRE(::mkfifoat(f.dir.fd(), name.c_str(), 0600) == 0);
  CHECK(pick_error(f.directory()).find("not a regular file") != std::string::npos);
  f.write(f.directory("other"), f.spec());
  CHECK(replaced_by("out/blobs", "../other/blobs").find("a symbolic link is in the way") !=
        std::string::npos);
  CHECK(
      replaced_by("out/index.json", "../other/index.json").find("a symbolic link is in the way") !=
      std::string::npos);
}

TEST_CASE("a layer blob is checked while it is read, in a directory and in an archive") {
  const Fixture f;
  for (const ImageLocation& location : {f.directory(), f.archive()}) {
    f.write(location, f.spec());
    const LayoutReader reader(location);
    const Descriptor layer = reader.pick().manifest.layers[0];
    const BlobFile blob = reader.open_blob(layer);
    CHECK_NOTHROW(verify_blob(blob, layer, "layer"));
    std::string text(blob.size, '\0');
    sys::read_full(blob.fd.get(), std::as_writable_bytes(std::span(text)), "blob");
    CHECK(text == "layer one");

    f.put("copy", "");
    const sys::Fd out = sys::open(f.at("copy"), O_RDWR);
    copy_blob(blob, layer, out.get(), "layer");
    CHECK(f.get("copy") == "layer one");
    CHECK_NOTHROW(verify_blob(out.get(), layer, "copy"));

    Descriptor lying = layer;
    lying.digest = sha256("another");
    CHECK(error_of([&] { verify_blob(blob, lying, "'layer'"); }) ==
          "check 'layer': its digest is '" + layer.digest.to_string() + "' instead of '" +
              lying.digest.to_string() +
              "' | the image is damaged or was tampered with; fetch or export it again");
    lying = layer;
    lying.size = 8;
    CHECK(error_of([&] {
            verify_blob(blob, lying, "'layer'");
          }).starts_with("check 'layer': it has 9 bytes instead of 8"));
    CHECK_THROWS_AS((void)reader.open_blob(lying), Error);
  }
}
