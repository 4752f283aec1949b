// Caches of phases ([[phase.mount]]) between the store and a directory of
// include/gbox/build/share.h: one archive each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gbox/build/share.h"
#include "shared_cache.h"

namespace gbox::build {

// The ids of all caches in the store, sorted.
std::vector<std::string> caches_in(const store::Store& store);

// What tells one state of a cache from another: whether it is to be written again.
std::string cache_content(const std::vector<std::string>& chain);
// All of it as one archive into the file `to`; nullopt when it is empty. Throws Error (image) for a
// name that no archive can hold.
std::optional<SharedCache> pack_cache(store::Store& store, const std::string& id,
                                      const std::vector<std::string>& chain, int to,
                                      Observer& observer);

// Writes those caches of `ids` that the store has and the directory has not as they are now, in
// place of what it has. Several may write to one directory at once. The caller holds a lease.
void write_caches(store::Store& store, const std::string& directory,
                  const std::vector<std::string>& ids, Observer& observer, ShareResult& result);

// The archive `file` of `cache` becomes the store's cache, which must not have one of that id:
// false when it has. Throws Error (input) when it is not what is told of it, or holds what no
// archive of a tree may; the store is then as it was. The caller holds a lease.
bool take_cache(store::Store& store, const SharedCache& cache, const sys::Fd& file,
                Observer& observer);

}  // namespace gbox::build
