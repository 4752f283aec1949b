#include "gbox/oci/types.h"

#include <string>
#include <vector>

#include "fixture.h"

using namespace gbox;
using namespace gbox::oci;

namespace {

const std::string kTypesHex(64, 'a');
const std::string kOtherHex(64, 'b');

std::string descriptor(const std::string& type, const std::string& more = {},
                       const std::string& size = "5") {
  return R"({"mediaType":")" + type + R"(","digest":"sha256:)" + kTypesHex + R"(","size":)" + size +
         more + "}";
}
std::string config_descriptor() {
  return descriptor(std::string(kConfigType));
}
std::string manifest_with_layer(const std::string& layer) {
  return R"({"schemaVersion":2,"config":)" + config_descriptor() + R"(,"layers":[)" + layer + "]}";
}
std::string index_with(const std::string& entry) {
  return R"({"schemaVersion":2,"manifests":[)" + entry + "]}";
}
std::string layer_with_digest(const std::string& digest) {
  return manifest_with_layer(R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" +
                             digest + R"(","size":1})");
}
std::string layer_with_size(const std::string& size) {
  return manifest_with_layer(descriptor(std::string(kLayerType), {}, size));
}

struct Row {
  std::string text;
  std::string message;
};

}  // namespace

TEST_CASE("hostile manifests are refused with the reason") {
  const std::string good = manifest_with_layer(descriptor(std::string(kLayerType)));
  REQUIRE(parse_manifest(good, "'m'").layers.size() == 1);
  std::string many_layers;
  for (int i = 0; i < 1001; ++i)
    many_layers += (i == 0 ? "" : ",") + descriptor(std::string(kLayerType));
  std::string many_annotations;
  for (int i = 0; i < 10001; ++i)
    many_annotations += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  const std::vector<Row> rows = {
      {"[]", "read 'm': an object is expected"},
      {"", "read 'm': not valid json at byte 1"},
      {"{}", "read 'm': key 'schemaVersion' is missing"},
      {R"({"schemaVersion":1})", "read 'm': 'schemaVersion' is not 2"},
      {R"({"schemaVersion":"2"})",
       "read 'm': key 'schemaVersion' must be a whole number that is not negative"},
      {R"({"schemaVersion":2})", "read 'm': key 'config' is missing"},
      {R"({"schemaVersion":2,"config":[]})", "read 'm': an object is expected"},
      {R"({"schemaVersion":2,"config":)" + config_descriptor() + R"(,"layers":{}})",
       "read 'm': key 'layers' must be a list"},
      {manifest_with_layer("7"), "read 'm': an object is expected"},
      // CVE-2021-41190: one text, two meanings.
      {good.substr(0, good.size() - 1) + R"(,"manifests":[]})",
       "read 'm': it is index and manifest at once"},
      {good.substr(0, good.size() - 1) + R"(,"manifests":null})",
       "read 'm': it is index and manifest at once"},
      {good.substr(0, good.size() - 1) + R"(,"Manifests":[]})",
       "read 'm': key 'Manifests' differs from 'manifests' only in case"},
      {good.substr(0, good.size() - 1) + R"(,"layers":[]})",
       "read 'm': key 'layers' is there twice"},
      {good.substr(0, good.size() - 1) + ",\"layer\xc5\xbf\":[]}",
       "read 'm': key 'layer\xc5\xbf' differs from 'layers' only in case"},
      {good.substr(0, good.size() - 1) +
           R"(,"mediaType":"application/vnd.oci.image.index.v1+json"})",
       "read 'm': media type 'application/vnd.oci.image.index.v1+json' where "
       "'application/vnd.oci.image.manifest.v1+json' is expected"},
      {R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json"})",
       "read 'm': media type 'application/vnd.docker.distribution.manifest.v2+json' is docker's "
       "own, not oci's | convert it with 'skopeo copy --format oci SOURCE oci:DIR:REF' and use "
       "that"},
      {R"({"schemaVersion":2,"config":)" + descriptor("application/vnd.example.config") +
           R"(,"layers":[]})",
       "read 'm': config type 'application/vnd.example.config': an artifact, not a container "
       "image"},
      // Sizes.
      {layer_with_size("-1"), "read 'm': key 'size' must be a whole number that is not negative"},
      {layer_with_size("1.5"), "read 'm': key 'size' must be a whole number that is not negative"},
      {layer_with_size("\"5\""),
       "read 'm': key 'size' must be a whole number that is not negative"},
      {layer_with_size("18446744073709551616"),
       "read 'm': key 'size' must be a whole number that is not negative"},
      {layer_with_size("18446744073709551615"),
       "read 'm': a blob of 18446744073709551615 bytes, more than 1.0 TiB"},
      {layer_with_size("1099511627777"),
       "read 'm': a blob of 1099511627777 bytes, more than 1.0 TiB"},
      {layer_with_size("1e999"), "read 'm': it holds a number that is too large"},
      // Digests are never paths.
      {layer_with_digest("sha256:../../../etc/passwd"),
       "read 'm': '../../../etc/passwd' is not a digest of sha256 (64 lower-case hex digits)"},
      {layer_with_digest("../../etc/passwd"),
       "read 'm': '../../etc/passwd' is not a digest: 'sha256:…' or 'sha512:…' is expected"},
      {layer_with_digest("md5:" + kTypesHex.substr(0, 32)),
       "read 'm': 'md5:" + kTypesHex.substr(0, 32) +
           "' is not a digest: 'sha256:…' or 'sha512:…' is expected"},
      {layer_with_digest("sha256:" + std::string(64, 'A')),
       "read 'm': '" + std::string(64, 'A') +
           "' is not a digest of sha256 (64 lower-case hex digits)"},
      // Layer types.
      {manifest_with_layer(descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar")),
       "read 'm': layer type 'application/vnd.oci.image.layer.nondistributable.v1.tar': its "
       "content is not in the image"},
      {manifest_with_layer(descriptor("application/octet-stream")),
       "read 'm': layer type 'application/octet-stream' is not known: a tar, plain or with gzip or "
       "zstd, is expected"},
      {manifest_with_layer(descriptor("")), "read 'm': key 'mediaType' is empty"},
      // Counts.
      {manifest_with_layer(many_layers), "read 'm': key 'layers' has 1001 entries, more than 1000"},
      {manifest_with_layer(
           descriptor(std::string(kLayerType), ",\"annotations\":{" + many_annotations + "}")),
       "read 'm': key 'annotations' has 10001 entries, more than 10000"},
      {manifest_with_layer(descriptor(std::string(kLayerType), R"(,"annotations":{"a":1})")),
       "read 'm': key 'annotations' must hold strings only"},
      {std::string((4u << 20) + 1, ' '), "read 'm': larger than 4.0 MiB"},
      {std::string(100000, '['), "read 'm': nested deeper than 64 levels"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 300));
    CHECK(error_of([&] { parse_manifest(row.text, "'m'"); }) == row.message);
    CHECK(code_of([&] { parse_manifest(row.text, "'m'"); }) == ExitCode::input);
  }
}

TEST_CASE("hostile indexes are refused with the reason") {
  const std::string entry = descriptor(std::string(kManifestType));
  REQUIRE(parse_index(index_with(entry), "'i'").manifests.size() == 1);
  std::string many = entry;
  for (int i = 0; i < 1000; ++i) many += ',' + entry;
  const std::vector<Row> rows = {
      {R"({"schemaVersion":2})", "read 'i': key 'manifests' is missing"},
      {R"({"schemaVersion":2,"manifests":[],"layers":[]})",
       "read 'i': it is index and manifest at once"},
      {R"({"schemaVersion":2,"manifests":[],"config":{}})",
       "read 'i': it is index and manifest at once"},
      {R"({"schemaVersion":2,"manifests":[],"LAYERS":[]})",
       "read 'i': key 'LAYERS' differs from 'layers' only in case"},
      {index_with(many), "read 'i': key 'manifests' has 1001 entries, more than 1000"},
      {index_with(descriptor(std::string(kManifestType), R"(,"platform":{"os":"linux"})")),
       "read 'i': key 'architecture' is missing"},
      {index_with(descriptor(std::string(kManifestType), R"(,"platform":"linux/amd64")")),
       "read 'i': an object is expected"},
      {index_with(descriptor(std::string(kManifestType), R"(,"size":9)")),
       "read 'i': key 'size' is there twice"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 300));
    CHECK(error_of([&] { parse_index(row.text, "'i'"); }) == row.message);
  }
}

TEST_CASE("hostile image configs are refused with the reason") {
  const std::string head = R"({"architecture":"amd64","os":"linux",)";
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]})";
  REQUIRE_NOTHROW(parse_image_config(head + rootfs + "}", "'c'"));
  const std::vector<Row> rows = {
      {R"({"os":"linux",)" + rootfs + "}", "read 'c': key 'architecture' is missing"},
      {R"({"architecture":["amd64"],"os":"linux",)" + rootfs + "}",
       "read 'c': key 'architecture' must be a string"},
      {head + R"("x":1})", "read 'c': key 'rootfs' is missing"},
      {head + R"("rootfs":{"type":"tree","diff_ids":[]}})",
       "read 'c': 'rootfs.type' is not 'layers'"},
      {head + R"("rootfs":{"type":"layers","diff_ids":"x"}})",
       "read 'c': key 'diff_ids' must be a list"},
      {head + R"("rootfs":{"type":"layers","diff_ids":[1]}})",
       "read 'c': key 'diff_ids' must hold strings only"},
      {head + R"("rootfs":{"type":"layers","diff_ids":["sha256:/etc"]}})",
       "read 'c': '/etc' is not a digest of sha256 (64 lower-case hex digits)"},
      {head + rootfs + R"(,"config":[]})", "read 'c': key 'config' must be an object"},
      {head + rootfs + R"(,"config":{"Env":"A=b"}})", "read 'c': key 'Env' must be a list"},
      {head + rootfs + R"(,"config":{"Env":[1]}})", "read 'c': key 'Env' must hold strings only"},
      {head + rootfs + R"(,"config":{"env":[]}})",
       "read 'c': key 'env' differs from 'Env' only in case"},
      {head + rootfs + R"(,"config":{"Cmd":[],"Cmd":["sh"]}})",
       "read 'c': key 'Cmd' is there twice"},
      {head + rootfs + R"(,"config":{"Volumes":{"/a":"b"}}})",
       "read 'c': key 'Volumes' must hold empty objects only"},
      {head + rootfs + R"(,"config":{"Volumes":["/a"]}})",
       "read 'c': key 'Volumes' must be an object"},
      {head + rootfs + R"(,"history":{}})", "read 'c': key 'history' must be a list"},
      {head + rootfs + R"(,"history":[{"empty_layer":"yes"}]})",
       "read 'c': key 'empty_layer' must be true or false"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(error_of([&] { parse_image_config(row.text, "'c'"); }) == row.message);
  }
}

TEST_CASE("what Go writes for empty members is read as empty") {
  const ImageConfig config = parse_image_config(
      R"({"architecture":"arm","variant":"v7","os":"linux","config":{"Env":null,"Cmd":null,
      "Volumes":null,"Labels":null,"ExposedPorts":{"80/tcp":{}},"OnBuild":null},
      "rootfs":{"type":"layers","diff_ids":null},"history":null})",
      "'c'");
  CHECK(to_string(config.platform) == "linux/arm/v7");
  CHECK(config.config.env.empty());
  CHECK(config.config.exposed_ports == std::set<std::string>{"80/tcp"});
  CHECK(config.diff_ids.empty());
}

TEST_CASE("one value has one text, and reading it gives the value back") {
  const Digest a(HashAlgorithm::sha256, kTypesHex);
  const Digest b(HashAlgorithm::sha256, kOtherHex);
  const Manifest manifest{
      .config = {.media_type = std::string(kConfigType), .digest = a, .size = 7},
      .layers = {{.media_type = std::string(kLayerZstdType), .digest = b, .size = 9}},
      .annotations = {{"z", "1"}, {"a", "2"}}};
  const std::string text = to_json(manifest);
  CHECK(text ==
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
        R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:)" +
            kTypesHex +
            R"(","size":7},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd",)"
            R"("digest":"sha256:)" +
            kOtherHex + R"(","size":9}],"annotations":{"a":"2","z":"1"}})");
  CHECK(to_json(parse_manifest(text, "'m'")) == text);

  const ImageConfig config{
      .created = "2026-11-15T17:03:12Z",
      .platform = {"linux", "arm64", "v8"},
      .config = {.user = "www",
                 .exposed_ports = {"443/tcp", "80/tcp"},
                 .env = {"B=2", "A=1"},
                 .entrypoint = {"/usr/bin/php-fpm", "-F"},
                 .cmd = {"x"},
                 .volumes = {"/data"},
                 .working_dir = "/srv",
                 .labels = {{"k", "v"}},
                 .stop_signal = "SIGQUIT"},
      .diff_ids = {a},
      .history = {{.created_by = "phase 'x'"}, {.created_by = "y", .empty_layer = true}}};
  const std::string config_text = to_json(config);
  CHECK(config_text ==
        R"({"created":"2026-11-15T17:03:12Z","architecture":"arm64","variant":"v8","os":"linux",)"
        R"("config":{"User":"www","ExposedPorts":{"443/tcp":{},"80/tcp":{}},"Env":["B=2","A=1"],)"
        R"("Entrypoint":["/usr/bin/php-fpm","-F"],"Cmd":["x"],"Volumes":{"/data":{}},)"
        R"("WorkingDir":"/srv","Labels":{"k":"v"},"StopSignal":"SIGQUIT"},)"
        R"("rootfs":{"type":"layers","diff_ids":["sha256:)" +
            kTypesHex +
            R"("]},"history":[{"created":"2026-11-15T17:03:12Z","created_by":"phase 'x'"},)"
            R"({"created":"2026-11-15T17:03:12Z","created_by":"y","empty_layer":true}]})");
  const ImageConfig again = parse_image_config(config_text, "'c'");
  CHECK(again.config == config.config);
  CHECK(again.platform == config.platform);
  CHECK(to_json(again) == config_text);
}

TEST_CASE("text that is not utf-8 cannot become an image") {
  CHECK(error_of([] {
          to_json(Index{.annotations = {{"a", "\xff"}}});
        }) == "write image documents: a text in the image's configuration is not valid utf-8");
}

TEST_CASE("times are written and recognised as RFC 3339") {
  CHECK(rfc3339(0) == "1970-01-01T00:00:00Z");
  CHECK(rfc3339(1794762192) == "2026-11-15T17:03:12Z");
  CHECK_THROWS_AS(rfc3339(std::int64_t{1} << 60), Error);
  for (const char* good :
       {"2026-11-15T17:03:12Z", "2026-11-15T17:03:12.123456789Z", "2026-11-15T17:03:12+02:00"})
    CHECK(is_rfc3339(good));
  for (const char* bad :
       {"", "2026-11-15", "2026-11-15 17:03:12Z", "2026-13-15T17:03:12Z", "2026-11-15T17:03:12",
        "2026-11-15T17:03:12.Z", "2026-11-15T24:03:12Z", "2026-11-15T17:03:12Zx", "0"})
    CHECK_FALSE(is_rfc3339(bad));
}

TEST_CASE("the kernel's machine names become Go's") {
  CHECK(to_string(platform_of_machine("x86_64")) == "linux/amd64");
  CHECK(to_string(platform_of_machine("aarch64")) == "linux/arm64");
  CHECK(to_string(platform_of_machine("armv7l")) == "linux/arm/v7");
  CHECK(to_string(platform_of_machine("riscv64")) == "linux/riscv64");
}
