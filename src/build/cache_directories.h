// The directories and registries that builds share what they have made by: `gbox build --cache-from
// dir=DIR --cache-to registry=HOST/REPOSITORY`. They are those of include/gbox/build/share.h and of
// shared_registry.h. A build asks for the snapshots of its phases, for the packages of its plan,
// and for the caches of its phases, so a directory with packages of a hundred others costs nothing;
// in the end it leaves behind what it has used. Nothing in such a place can make a build fail: what
// is damaged or hostile there is warned of, and made here.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cache_place.h"
#include "cache_snapshots.h"
#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/store/store.h"
#include "shared_registry.h"

namespace gbox::build {

class CacheDirectories {
 public:
  // Opens those to read from; makes those to write to, and tries to write there, because an hour
  // later would be late. All is borrowed. Throws Error (usage) for a place that cannot be meant,
  // Error (host) for one that cannot be written.
  CacheDirectories(const CachePlaces& places, store::Store& store, Observer& observer,
                   SourceOptions sources = {});
  CacheDirectories(const CacheDirectories&) = delete;  // what it is made of refers to it
  CacheDirectories& operator=(const CacheDirectories&) = delete;
  ~CacheDirectories() = default;

  [[nodiscard]] bool has_any() const noexcept { return !from_.empty(); }
  // Takes those packages of `keys` into the store that it lacks and a directory has. `what` names
  // the phase they are for.
  void bring(const std::string& what, const std::vector<std::string>& keys);
  // Likewise the caches of these ids that the store has not.
  void bring_caches(const std::vector<std::string>& ids);
  // Where bring() would take the package of `key` from, as far as can be told without reading it.
  // To look for many at once saves time.
  [[nodiscard]] std::optional<std::string> find(const std::string& key) const;
  void look_for(const std::vector<std::string>& keys) const;
  // Those of the phases, when they are shared; else nullptr.
  [[nodiscard]] CacheSnapshots* snapshots() noexcept { return snapshots_ ? &*snapshots_ : nullptr; }
  // Packages that this build uses although it did not ask for them one by one.
  void used(const std::vector<std::string>& keys);
  // Writes what the build has asked for, as far as the store has it by now. What goes wrong is
  // warned of: it concerns no image. Throws Interrupted.
  void write();

 private:
  void open(const std::string& path);
  void prepare(const std::string& path);
  void write_packages_to(const std::string& path, const std::vector<store::Package>& packages);
  void write_packages_to(SharedRegistry& registry, const std::string& path,
                         const std::vector<store::Package>& packages);
  [[nodiscard]] ShareResult write_caches_to(SharedRegistry& registry);
  // One kind of what is shared; what goes wrong with it does not concern the others.
  void write_or_warn(const std::string& path, const std::function<void()>& write);
  void tell_caches(const ShareResult& result, const std::string& path);
  void tell_snapshots(const CacheSnapshots::Written& result, const std::string& path);
  void refuse(const CachePlace& place, const std::string& key, const std::string& what,
              const std::string& why);

  store::Store& store_;
  Observer& observer_;
  SourceOptions sources_;
  std::vector<CachePlace> from_;
  std::optional<CacheSnapshots> snapshots_;
  std::vector<std::string> to_;
  std::map<std::string, SharedRegistry> to_registries_;  // by what is in to_
  std::vector<std::string> asked_;                       // keys, each once
  std::vector<std::string> caches_;                      // ids, each once
  std::set<std::string> known_;                          // likewise
  std::set<std::string> refused_;                        // keys of what is damaged in a directory
};

}  // namespace gbox::build
