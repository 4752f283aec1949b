#include "shared_cache.h"

#include "cache_chain.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/spec/id.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "refused.h"
#include "shared_directory.h"
#include "shared_package.h"

namespace gbox::build {

namespace {

constexpr std::string_view kCacheFormat = "gbox-cache";
constexpr std::size_t kMaxCaches = 10'000;

}  // namespace

std::string shared_cache_name(const std::string& id) {
  return cache_key(id) + ".json";
}

std::string shared_cache_archive(const SharedCache& cache) {
  return cache_key(cache.id) + '.' + cache.sha256.hex() + ".tar.zst";
}

std::string shared_cache_facts(const SharedCache& cache) {
  return canonical_json({{"format", kCacheFormat},
                         {"version", kSharedVersion},
                         {"id", cache.id},
                         {"content", cache.content},
                         {"sha256", cache.sha256.hex()},
                         {"size_bytes", cache.size_bytes}}) +
         '\n';
}

SharedCache parse_shared_cache(const std::string& text, const std::string& name) {
  constexpr std::string_view what = "a shared cache's facts";
  const Json json = parse_json(text, what);
  require_format(json, kCacheFormat, what);
  SharedCache cache;
  cache.id = json_string(json, "id", what);
  cache.content = json_string(json, "content", what);
  cache.sha256 = Digest(HashAlgorithm::sha256, json_string(json, "sha256", what));
  cache.size_bytes = json_size(json, "size_bytes", what);
  if (!spec::is_id(cache.id)) refuse_shared(quoted(cache.id) + " is no id of a cache");
  if (shared_cache_name(cache.id) != name) refuse_shared("it is of the cache " + quoted(cache.id));
  require_shared_size(cache.size_bytes);
  return cache;
}

SharedCaches::SharedCaches(int directory)
    : fd_(sys::try_open_beneath(directory, kCachesDirectory, O_RDONLY | O_DIRECTORY,
                                sys::Resolve::no_symlinks)) {}

std::map<std::string, SharedCache> SharedCaches::list(Observer& observer,
                                                      std::size_t& refused) const {
  std::map<std::string, SharedCache> caches;
  if (!fd_) return caches;
  const std::vector<std::string> names = sys::list_directory(fd_->get(), kCachesDirectory);
  if (names.size() > kMaxCaches)
    refuse_shared(quoted(kCachesDirectory) + " has " + std::to_string(names.size()) +
                  " files, more than " + std::to_string(kMaxCaches));
  for (const std::string& name : names) {
    if (name.starts_with(".") || !name.ends_with(".json")) continue;
    try {
      SharedCache cache = parse_shared_cache(read_shared_facts(fd_->get(), name), name);
      std::string id = cache.id;
      caches.emplace(std::move(id), std::move(cache));
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      ++refused;
      observer.warn({quoted(std::string(kCachesDirectory) + '/' + name) +
                         " is no cache to share: " + error.message(),
                     {}});
    }
  }
  return caches;
}

std::optional<SharedCache> SharedCaches::find(const std::string& id, std::string& why) const {
  why.clear();
  const std::string name = shared_cache_name(id);
  return unless_refused(why, [&]() -> std::optional<SharedCache> {
    if (!fd_ || !sys::try_fstatat(fd_->get(), name, AT_SYMLINK_NOFOLLOW)) return std::nullopt;
    return parse_shared_cache(read_shared_facts(fd_->get(), name), name);
  });
}

std::optional<sys::Fd> SharedCaches::open(const SharedCache& cache, std::string& why) const {
  if (fd_) return open_shared_file(fd_->get(), shared_cache_archive(cache), cache.size_bytes, why);
  why = "it is gone";
  return std::nullopt;
}

}  // namespace gbox::build
