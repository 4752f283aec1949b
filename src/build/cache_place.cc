#include "cache_place.h"

#include "refused.h"

namespace gbox::build {

void CachePlace::look_for(const std::vector<std::string>& keys) const {
  if (registry_) registry_->look_for(keys);
}

std::optional<SharedPackage> CachePlace::find(const std::string& key, std::string& why) const {
  return registry_ ? registry_->find(key, why) : directory_->find(key, why);
}

std::optional<SharedCache> CachePlace::find_cache(const std::string& id, std::string& why) const {
  if (registry_) return registry_->find_cache(id, why);
  // A link in the place of a directory is refused like anything else that is not as it should be.
  return unless_refused(why, [&] { return SharedCaches(directory_->fd()).find(id, why); });
}

std::optional<SharedSnapshot> CachePlace::find_snapshot(const std::string& tag,
                                                        std::string& why) const {
  if (registry_) return registry_->find_snapshot(tag, why);
  return unless_refused(why, [&] { return SharedSnapshots(directory_->fd()).find(tag, why); });
}

std::optional<sys::Fd> CachePlace::open(const SharedPackage& shared, const Scratch& scratch,
                                        std::string& why) const {
  return registry_ ? registry_->fetch(shared, scratch(), why) : directory_->open(shared, why);
}

std::optional<sys::Fd> CachePlace::open(const SharedCache& shared, const Scratch& scratch,
                                        std::string& why) const {
  if (registry_) return registry_->fetch(shared, scratch(), why);
  return unless_refused(why, [&] { return SharedCaches(directory_->fd()).open(shared, why); });
}

std::optional<sys::Fd> CachePlace::open(const SharedSnapshot& shared, const Scratch& scratch,
                                        std::string& why) const {
  if (registry_) return registry_->fetch(shared, scratch(), why);
  return unless_refused(why, [&] { return SharedSnapshots(directory_->fd()).open(shared, why); });
}

bool CachePlace::offers(const SharedPackage& shared) const {
  std::string why;
  return registry_ || directory_->open(shared, why).has_value();
}

}  // namespace gbox::build
