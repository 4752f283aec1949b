#include "formats.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "names.h"

namespace gbox::store {

namespace {

[[noreturn]] void damaged(const std::string& why) {
  throw Error(why, ExitCode::input);
}

Json parse_versioned(std::string_view text, std::string_view what) {
  Json json = parse_json(text, what);
  const std::uint64_t version = json_size(json, "version", what);
  if (version != kFormatVersion)
    damaged("version " + std::to_string(version) + " is not known to this gbox");
  return json;
}

std::vector<std::string> strings(const Json& json, std::string_view key, std::string_view what) {
  const Json& array = json_member(json, key, what);
  if (!array.is_array()) damaged("key " + quoted(key) + " must be an array");
  std::vector<std::string> values;
  for (const Json& value : array) {
    if (!value.is_string()) damaged("key " + quoted(key) + " must hold strings");
    values.push_back(value.get<std::string>());
  }
  return values;
}

std::vector<std::string> snapshot_ids(const Json& json, std::string_view key,
                                      std::string_view what) {
  std::vector<std::string> ids = strings(json, key, what);
  for (const std::string& id : ids)
    if (!is_snapshot_id(id)) damaged(quoted(id) + " is no snapshot");
  return ids;
}

std::int64_t signed_number(const Json& json, std::string_view key, std::string_view what) {
  const Json& value = json_member(json, key, what);
  if (!value.is_number_integer()) damaged("key " + quoted(key) + " must be a whole number");
  return value.get<std::int64_t>();
}

Moment created_of(const Json& json, std::string_view what) {
  return {signed_number(json, "created", what),
          json.contains("created_ns") ? signed_number(json, "created_ns", what) : 0};
}

std::string log_name(const Json& json, std::string_view what) {
  std::string name = json_string(json, "log", what);
  if (!name.empty() && !is_log_name(name)) damaged(quoted(name) + " is no log");
  return name;
}

double seconds_of(const Json& json, std::string_view what) {
  const Json& seconds = json_member(json, "seconds", what);
  if (!seconds.is_number()) damaged("key 'seconds' must be a number");
  return seconds.get<double>();
}

std::string text_of(const Json& json) {
  return canonical_json(json) + '\n';
}

void add_boot(Json& json, std::string_view boot) {
  if (!boot.empty()) json["boot"] = boot;
}

}  // namespace

std::string record_text(const Record& record, std::string_view boot) {
  Json json = {{"version", kFormatVersion},
               {"key", record.key},
               {"spec", record.spec},
               {"step", record.step},
               {"phase", record.phase},
               {"kind", record.kind},
               {"parts", record.parts},
               {"snapshot", record.snapshot},
               {"parents", record.parents},
               {"log", record.log},
               {"seconds", record.seconds},
               {"created", record.created.seconds},
               {"created_ns", record.created.nanoseconds},
               {"gbox", record.gbox},
               {"size_bytes", record.size_bytes},
               {"entries", record.entries}};
  if (!record.extra.is_null()) json["extra"] = record.extra;
  if (!record.made_of.empty()) json["made_of"] = record.made_of;
  add_boot(json, boot);
  return text_of(json);
}

Stored<Record> parse_record(std::string_view text) {
  constexpr std::string_view what = "a record";
  const Json json = parse_versioned(text, what);
  Stored<Record> stored;
  Record& record = stored.value;
  record.key = json_string(json, "key", what);
  if (!is_key(record.key)) damaged(quoted(record.key) + " is no key");
  record.spec = json_string(json, "spec", what);
  record.step = json_string(json, "step", what);
  record.phase = json_string(json, "phase", what);
  record.kind = json_string(json, "kind", what);
  record.parts = json_member(json, "parts", what);
  record.snapshot = json_string(json, "snapshot", what);
  if (!is_snapshot_id(record.snapshot)) damaged(quoted(record.snapshot) + " is no snapshot");
  record.parents = snapshot_ids(json, "parents", what);
  record.log = log_name(json, what);
  record.seconds = seconds_of(json, what);
  record.created = created_of(json, what);
  record.gbox = json_string(json, "gbox", what);
  record.size_bytes = json_size(json, "size_bytes", what);
  record.entries = json_size(json, "entries", what);
  if (json.contains("extra")) record.extra = json["extra"];
  if (json.contains("made_of")) record.made_of = snapshot_ids(json, "made_of", what);
  stored.boot = json_string_or_empty(json, "boot", what);
  return stored;
}

std::string package_text(const Package& package, std::string_view boot) {
  Json json = {{"version", kFormatVersion},
               {"key", package.key},
               {"spec", package.spec},
               {"step", package.step},
               {"phase", package.phase},
               {"cpv", package.cpv},
               {"parts", package.parts},
               {"file", package.file},
               {"path", package.path},
               {"stanza", package.stanza},
               {"sha256", package.sha256.hex()},
               {"size_bytes", package.size_bytes},
               {"log", package.log},
               {"seconds", package.seconds},
               {"created", package.created.seconds},
               {"created_ns", package.created.nanoseconds},
               {"gbox", package.gbox}};
  if (package.peak_bytes != 0) json["peak_bytes"] = package.peak_bytes;
  add_boot(json, boot);
  return text_of(json);
}

Stored<Package> parse_package(std::string_view text) {
  constexpr std::string_view what = "a package's facts";
  const Json json = parse_versioned(text, what);
  Stored<Package> stored;
  Package& package = stored.value;
  package.key = json_string(json, "key", what);
  package.spec = json_string(json, "spec", what);
  package.step = json_string(json, "step", what);
  package.phase = json_string(json, "phase", what);
  package.cpv = json_string(json, "cpv", what);
  package.parts = json_member(json, "parts", what);
  package.file = json_string(json, "file", what);
  if (!is_package_file(package.file)) damaged(quoted(package.file) + " is no package's file");
  package.path = json_string(json, "path", what);
  require_repository_path(package.path);
  package.stanza = json_string(json, "stanza", what);
  package.sha256 = Digest(HashAlgorithm::sha256, json_string(json, "sha256", what));
  package.size_bytes = json_size(json, "size_bytes", what);
  package.log = log_name(json, what);
  package.seconds = seconds_of(json, what);
  if (json.contains("peak_bytes")) package.peak_bytes = json_size(json, "peak_bytes", what);
  package.created = created_of(json, what);
  package.gbox = json_string(json, "gbox", what);
  stored.boot = json_string_or_empty(json, "boot", what);
  return stored;
}

void require_repository_path(const std::string& path) {
  if (path.empty() || sys::normalized_relative(path) != path)
    damaged(quoted(path) + " is no place in a binary package repository");
}

std::string snapshot_text(const SnapshotInfo& info) {
  return text_of({{"version", kFormatVersion},
                  {"size_bytes", info.size_bytes},
                  {"entries", info.entries},
                  {"created", info.created}});
}

SnapshotInfo parse_snapshot(std::string_view text) {
  constexpr std::string_view what = "a snapshot's facts";
  const Json json = parse_versioned(text, what);
  return {json_size(json, "size_bytes", what), json_size(json, "entries", what),
          signed_number(json, "created", what)};
}

std::string failed_text(const FailedStep& failed) {
  return text_of({{"version", kFormatVersion},
                  {"spec", failed.spec},
                  {"step", failed.step},
                  {"phase", failed.phase},
                  {"key", failed.key},
                  {"parents", failed.parents},
                  {"environment", failed.environment},
                  {"argv", failed.argv},
                  {"working_dir", failed.working_dir},
                  {"log", failed.log},
                  {"exit_status", failed.exit_status},
                  {"extra", failed.extra},
                  {"created", failed.created.seconds},
                  {"created_ns", failed.created.nanoseconds},
                  {"size_bytes", failed.size_bytes},
                  {"entries", failed.entries}});
}

FailedStep parse_failed(std::string_view text) {
  constexpr std::string_view what = "a failed step";
  const Json json = parse_versioned(text, what);
  FailedStep failed;
  failed.spec = json_string(json, "spec", what);
  failed.step = json_string(json, "step", what);
  failed.phase = json_string(json, "phase", what);
  failed.key = json_string(json, "key", what);
  failed.parents = snapshot_ids(json, "parents", what);
  const Json& environment = json_member(json, "environment", what);
  if (!environment.is_object()) damaged("key 'environment' must be an object");
  for (const auto& [name, value] : environment.items())
    failed.environment[name] = json_string(environment, name, what);
  failed.argv = strings(json, "argv", what);
  failed.working_dir = json_string(json, "working_dir", what);
  failed.log = log_name(json, what);
  failed.exit_status = static_cast<int>(signed_number(json, "exit_status", what));
  failed.extra = json_member(json, "extra", what);
  failed.created = created_of(json, what);
  failed.size_bytes = json_size(json, "size_bytes", what);
  failed.entries = json_size(json, "entries", what);
  return failed;
}

std::string layer_text(const LayerEntry& entry, std::string_view boot) {
  Json json = {{"version", kFormatVersion},
               {"snapshots", entry.key.snapshots},
               {"options", entry.key.options},
               {"digest", entry.layer.digest.to_string()},
               {"size_bytes", entry.layer.size_bytes},
               {"diff_id", entry.layer.diff_id.to_string()},
               {"uncompressed_bytes", entry.layer.uncompressed_bytes}};
  add_boot(json, boot);
  return text_of(json);
}

Stored<LayerEntry> parse_layer(std::string_view text) {
  constexpr std::string_view what = "a packed layer";
  const Json json = parse_versioned(text, what);
  Stored<LayerEntry> stored;
  LayerEntry& entry = stored.value;
  entry.key.snapshots = snapshot_ids(json, "snapshots", what);
  entry.key.options = json_string(json, "options", what);
  entry.layer.digest = Digest::parse(json_string(json, "digest", what));
  entry.layer.size_bytes = json_size(json, "size_bytes", what);
  entry.layer.diff_id = Digest::parse(json_string(json, "diff_id", what));
  entry.layer.uncompressed_bytes = json_size(json, "uncompressed_bytes", what);
  if (entry.layer.digest.algorithm() != HashAlgorithm::sha256)
    damaged("digest " + quoted(entry.layer.digest.to_string()) + " is not sha256");
  stored.boot = json_string_or_empty(json, "boot", what);
  return stored;
}

std::string layer_file_name(const LayerKey& key) {
  return sha256(canonical_json(Json::array({key.snapshots, key.options}))).hex() + ".json";
}

}  // namespace gbox::store
