// A cache of [[phase.mount]] in the store: a record under a key of the id alone, whose snapshots
// are what steps have written, on top of each other.
#pragma once

#include <string>
#include <vector>

#include "gbox/store/store.h"

namespace gbox::build {

inline constexpr const char* kCacheKind = "cache";  // of records

std::string cache_key(const std::string& id);
std::string cache_step(const std::string& id);  // "cache:ID"
// The id of a record of a cache; empty for any other.
std::string cache_id(const store::Record& record);
// Its snapshots, lowest first; none when there is no such cache. Says that it is used.
std::vector<std::string> cache_chain(store::Store& store, const std::string& id);
// What a record of it begins with.
store::Record blank_cache_record(const std::string& id);

}  // namespace gbox::build
