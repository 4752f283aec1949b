// One cache in a directory of include/gbox/build/share.h.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "gbox/base/digest.h"
#include "gbox/build/observer.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

inline constexpr const char* kCachesDirectory = "gbox-caches";

struct SharedCache {
  std::string id;
  std::string content;  // digest of the snapshots it was made of: whether another export is due
  Digest sha256;        // of the archive
  std::uint64_t size_bytes = 0;
};

std::string shared_cache_name(const std::string& id);        // "KEY.json"
std::string shared_cache_archive(const SharedCache& cache);  // "KEY.SHA256.tar.zst"
std::string shared_cache_facts(const SharedCache& cache);
// `name` is the file's. Throws Error (input) for whatever is not exactly right.
SharedCache parse_shared_cache(const std::string& text, const std::string& name);

// The caches of one directory. Whatever lies there is outside text, and no link is followed.
class SharedCaches {
 public:
  // `directory` is borrowed; it may have none.
  explicit SharedCaches(int directory);

  // By id; what is refused is warned of and counted.
  std::map<std::string, SharedCache> list(Observer& observer, std::size_t& refused) const;
  // nullopt when there is none or, with `why`, when it is refused.
  std::optional<SharedCache> find(const std::string& id, std::string& why) const;
  // Its archive, when it is a file of that size; else `why` not.
  std::optional<sys::Fd> open(const SharedCache& cache, std::string& why) const;

 private:
  std::optional<sys::Fd> fd_;
};

}  // namespace gbox::build
