// The store's JSON files as text, both ways. Pure. Reading throws Error (input) for whatever is not
// exactly what record.h says; the store takes that as damage.
#pragma once

#include <string>
#include <string_view>

#include "gbox/store/record.h"

namespace gbox::store {

constexpr std::uint64_t kFormatVersion = 1;

// A value as it lies on disk: `boot` is empty once it is known to be durable.
template <class Value>
struct Stored {
  Value value;
  std::string boot;
};

struct LayerEntry {
  LayerKey key;
  CachedLayer layer;
};

std::string record_text(const Record& record, std::string_view boot);
Stored<Record> parse_record(std::string_view text);

std::string package_text(const Package& package, std::string_view boot);
Stored<Package> parse_package(std::string_view text);
// Throws Error (input) unless it is a plain relative path.
void require_repository_path(const std::string& path);

std::string snapshot_text(const SnapshotInfo& info);
SnapshotInfo parse_snapshot(std::string_view text);

std::string failed_text(const FailedStep& failed);
FailedStep parse_failed(std::string_view text);

std::string layer_text(const LayerEntry& entry, std::string_view boot);
Stored<LayerEntry> parse_layer(std::string_view text);
// Name of the file of this key: a digest of both its fields.
std::string layer_file_name(const LayerKey& key);

}  // namespace gbox::store
