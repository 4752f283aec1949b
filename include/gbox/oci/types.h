// The documents of the OCI image specification (v1) as values: strict parsing of outside bytes and
// deterministic text. Nothing here opens a file. Called by the reader, the writer and the checker.
//
// Parsing refuses what two readers could understand differently: duplicate keys, keys that differ
// from known ones only in case, a document that is manifest and index at once (CVE-2021-41190),
// media types that contradict the descriptor. Sizes, counts and depths have the limits below.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"

namespace gbox::oci {

inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kLayerGzipType = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kLayerZstdType = "application/vnd.oci.image.layer.v1.tar+zstd";

inline constexpr std::string_view kRefNameKey = "org.opencontainers.image.ref.name";
// What containerd writes and podman prefers when it loads an archive.
inline constexpr std::string_view kImageNameKey = "io.containerd.image.name";

// Limits on documents from outside; errors name them.
inline constexpr std::uint64_t kMaxDocumentBytes = 4u << 20;  // registries take no larger manifest
inline constexpr std::uint64_t kMaxBlobBytes = std::uint64_t{1} << 40;
inline constexpr std::size_t kMaxLayers = 1000;  // overlayfs stops at 500
inline constexpr std::size_t kMaxIndexEntries = 1000;
inline constexpr std::size_t kMaxHistoryEntries = 10000;
inline constexpr std::size_t kMaxListEntries = 10000;  // env, labels, annotations, …

using StringMap = std::map<std::string, std::string>;

struct Platform {
  std::string os;            // "linux"
  std::string architecture;  // Go's words: "amd64", "arm64", "riscv64"
  std::string variant;       // "v7", "v3"; usually empty
  auto operator<=>(const Platform&) const = default;
  // Whether what is for this platform runs on `wanted`, which may leave the variant open.
  [[nodiscard]] bool suits(const Platform& wanted) const;
};
std::string to_string(const Platform& platform);  // "linux/amd64", "linux/arm/v7"
// From the kernel's word (uname -m, "x86_64"); an unknown one is taken as it is.
Platform platform_of_machine(std::string_view machine);

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  StringMap annotations;
  std::optional<Platform> platform;
  bool operator==(const Descriptor&) const = default;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
  StringMap annotations;
};

struct Index {
  std::vector<Descriptor> manifests;
  StringMap annotations;
};

// The "config" object: how a container is started.
struct ContainerConfig {
  std::string user;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;         // "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::set<std::string> volumes;
  std::string working_dir;
  StringMap labels;
  std::string stop_signal;
  bool operator==(const ContainerConfig&) const = default;
};

struct History {
  std::string created;  // RFC 3339
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  bool operator==(const History&) const = default;
};

struct ImageConfig {
  std::string created;  // RFC 3339
  std::string author;
  Platform platform;
  ContainerConfig config;
  std::vector<Digest> diff_ids;  // lowest first
  std::vector<History> history;  // lowest first; entries that are not empty match diff_ids
};

// Each takes the whole document and the words that name it in errors ("'index.json'").
// Throws Error (ExitCode::input).
Index parse_index(std::string_view text, std::string_view what);
Manifest parse_manifest(std::string_view text, std::string_view what);
ImageConfig parse_image_config(std::string_view text, std::string_view what);

// One text per value: fixed key order, maps sorted, no blanks, empty members left out where the
// specification lets them be absent. history[].created is always written: umoci 0.4.7 crashes
// without it.
std::string to_json(const Index& index);
std::string to_json(const Manifest& manifest);
std::string to_json(const ImageConfig& config);

bool is_layer_type(std::string_view media_type);
// "2026-11-15T17:03:12Z"
std::string rfc3339(std::int64_t seconds_since_epoch);
bool is_rfc3339(std::string_view text);

}  // namespace gbox::oci
