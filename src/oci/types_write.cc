// Documents of the image specification, written one way; and the small words around them. The
// order of keys is that of the specification's own examples.
#include <array>
#include <ctime>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/oci/types.h"
#include "linked.h"

namespace gbox::oci {

namespace {

void add_string(OrderedJson& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

void add_map(OrderedJson& object, const char* key, const StringMap& map) {
  if (map.empty()) return;
  OrderedJson& target = object[key] = OrderedJson::object();
  for (const auto& [name, value] : map) target[name] = value;
}

void add_key_set(OrderedJson& object, const char* key, const std::set<std::string>& names) {
  if (names.empty()) return;
  OrderedJson& target = object[key] = OrderedJson::object();
  for (const std::string& name : names) target[name] = OrderedJson::object();
}

void add_list(OrderedJson& object, const char* key, const std::vector<std::string>& list) {
  if (!list.empty()) object[key] = list;
}

void add_platform(OrderedJson& object, const Platform& platform) {
  object["architecture"] = platform.architecture;
  add_string(object, "variant", platform.variant);
  object["os"] = platform.os;
}

OrderedJson descriptors_json(const std::vector<Descriptor>& descriptors) {
  OrderedJson list = OrderedJson::array();
  for (const Descriptor& descriptor : descriptors) list.push_back(descriptor_json(descriptor));
  return list;
}

OrderedJson container_config_json(const ContainerConfig& config) {
  OrderedJson object = OrderedJson::object();
  add_string(object, "User", config.user);
  add_key_set(object, "ExposedPorts", config.exposed_ports);
  add_list(object, "Env", config.env);
  add_list(object, "Entrypoint", config.entrypoint);
  add_list(object, "Cmd", config.cmd);
  add_key_set(object, "Volumes", config.volumes);
  add_string(object, "WorkingDir", config.working_dir);
  add_map(object, "Labels", config.labels);
  add_string(object, "StopSignal", config.stop_signal);
  return object;
}

OrderedJson history_json(const History& entry, const std::string& image_created) {
  OrderedJson object;
  object["created"] = entry.created.empty() ? image_created : entry.created;
  add_string(object, "created_by", entry.created_by);
  add_string(object, "author", entry.author);
  add_string(object, "comment", entry.comment);
  if (entry.empty_layer) object["empty_layer"] = true;
  return object;
}

std::string dump(const OrderedJson& document) {
  try {
    return document.dump();
  } catch (const OrderedJson::type_error&) {  // the only one dump() knows: text that is not UTF-8
    throw Error("write image documents: a text in the image's configuration is not valid utf-8",
                ExitCode::image);
  }
}

}  // namespace

OrderedJson descriptor_json(const Descriptor& descriptor) {
  OrderedJson object;
  object["mediaType"] = descriptor.media_type;
  object["digest"] = descriptor.digest.to_string();
  object["size"] = descriptor.size;
  add_map(object, "annotations", descriptor.annotations);
  if (descriptor.platform) {
    OrderedJson& platform = object["platform"] = OrderedJson::object();
    add_platform(platform, *descriptor.platform);
  }
  return object;
}

std::string to_json(const Index& index) {
  OrderedJson document;
  document["schemaVersion"] = 2;
  document["mediaType"] = kIndexType;
  document["manifests"] = descriptors_json(index.manifests);
  add_map(document, "annotations", index.annotations);
  return dump(document);
}

std::string to_json(const Manifest& manifest) {
  OrderedJson document;
  document["schemaVersion"] = 2;
  document["mediaType"] = kManifestType;
  document["config"] = descriptor_json(manifest.config);
  document["layers"] = descriptors_json(manifest.layers);
  add_map(document, "annotations", manifest.annotations);
  return dump(document);
}

std::string to_json(const ImageConfig& config) {
  OrderedJson document;
  add_string(document, "created", config.created);
  add_string(document, "author", config.author);
  add_platform(document, config.platform);
  document["config"] = container_config_json(config.config);
  OrderedJson& rootfs = document["rootfs"] = OrderedJson::object();
  rootfs["type"] = "layers";
  OrderedJson& diff_ids = rootfs["diff_ids"] = OrderedJson::array();
  for (const Digest& diff_id : config.diff_ids) diff_ids.push_back(diff_id.to_string());
  OrderedJson& history = document["history"] = OrderedJson::array();
  for (const History& entry : config.history)
    history.push_back(history_json(entry, config.created));
  return dump(document);
}

bool Platform::suits(const Platform& wanted) const {
  return os == wanted.os && architecture == wanted.architecture &&
         (wanted.variant.empty() || variant == wanted.variant);
}

std::string to_string(const Platform& platform) {
  std::string text = platform.os + '/' + platform.architecture;
  if (!platform.variant.empty()) text += '/' + platform.variant;
  return text;
}

Platform platform_of_machine(std::string_view machine) {
  struct Row {
    std::string_view machine, architecture, variant;
  };
  // GOARCH names; variants as containerd normalises them (arm64 means v8 and says nothing).
  static constexpr std::array<Row, 10> kRows = {{{"x86_64", "amd64", ""},
                                                 {"aarch64", "arm64", ""},
                                                 {"armv7l", "arm", "v7"},
                                                 {"armv6l", "arm", "v6"},
                                                 {"armv5tel", "arm", "v5"},
                                                 {"i686", "386", ""},
                                                 {"i586", "386", ""},
                                                 {"i486", "386", ""},
                                                 {"i386", "386", ""},
                                                 {"loongarch64", "loong64", ""}}};
  for (const Row& row : kRows) {
    if (row.machine == machine)
      return {"linux", std::string(row.architecture), std::string(row.variant)};
  }
  return {"linux", std::string(machine), ""};  // riscv64, ppc64le, s390x: the same in both
}

bool is_layer_type(std::string_view media_type) {
  return media_type == kLayerType || media_type == kLayerGzipType || media_type == kLayerZstdType;
}

std::string rfc3339(std::int64_t seconds_since_epoch) {
  const std::time_t seconds = seconds_since_epoch;
  std::tm broken{};
  char buffer[64];
  // gmtime_r fails, and strftime gives more than four digits, only for years past 9999.
  if (::gmtime_r(&seconds, &broken) == nullptr || broken.tm_year > 9999 - 1900 ||
      broken.tm_year < -1900)
    throw Error("time " + std::to_string(seconds_since_epoch) + " is not in a year from 0 to 9999");
  return {buffer, std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &broken)};
}

bool is_rfc3339(std::string_view text) {
  const auto matches = [](std::string_view part, std::string_view pattern) {
    if (part.size() != pattern.size()) return false;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const bool digit = part[i] >= '0' && part[i] <= '9';
      if (pattern[i] == '0' ? !digit : part[i] != pattern[i]) return false;
    }
    return true;
  };
  if (!matches(text.substr(0, 19), "0000-00-00T00:00:00")) return false;
  const auto in_range = [&](std::size_t at, int low, int high) {
    const int value = (text[at] - '0') * 10 + (text[at + 1] - '0');
    return value >= low && value <= high;
  };
  if (!in_range(5, 1, 12) || !in_range(8, 1, 31) || !in_range(11, 0, 23) || !in_range(14, 0, 59) ||
      !in_range(17, 0, 60))
    return false;
  std::string_view rest = text.substr(19);
  if (rest.starts_with('.')) {
    const std::size_t end = rest.find_first_not_of("0123456789", 1);
    if (end == 1 || end == std::string_view::npos) return false;
    rest.remove_prefix(end);
  }
  return rest == "Z" || matches(rest, "+00:00") || matches(rest, "-00:00");
}

}  // namespace gbox::oci
