// One of the places that a build takes what others have made from: a directory of
// include/gbox/build/share.h or a repository of a registry (shared_registry.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared_cache.h"
#include "shared_directory.h"
#include "shared_registry.h"
#include "shared_snapshot.h"

namespace gbox::build {

// A directory on the store's file system, asked for only where something has to be fetched.
using Scratch = std::function<int()>;

class CachePlace {
 public:
  CachePlace(std::string path, SharedDirectory directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  CachePlace(std::string path, std::shared_ptr<SharedRegistry> registry)
      : path_(std::move(path)), registry_(std::move(registry)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // Where asking takes its time, asks of all of them at once.
  void look_for(const std::vector<std::string>& keys) const;
  // Each gives nullopt when there is none or, with `why`, when it is refused.
  std::optional<SharedPackage> find(const std::string& key, std::string& why) const;
  std::optional<SharedCache> find_cache(const std::string& id, std::string& why) const;
  std::optional<SharedSnapshot> find_snapshot(const std::string& tag, std::string& why) const;
  // The file; else `why` not.
  std::optional<sys::Fd> open(const SharedPackage& shared, const Scratch& scratch,
                              std::string& why) const;
  std::optional<sys::Fd> open(const SharedCache& shared, const Scratch& scratch,
                              std::string& why) const;
  std::optional<sys::Fd> open(const SharedSnapshot& shared, const Scratch& scratch,
                              std::string& why) const;
  // Whether a package that was found can be had, as far as can be told without reading it.
  [[nodiscard]] bool offers(const SharedPackage& shared) const;

 private:
  std::string path_;
  std::optional<SharedDirectory> directory_;
  std::shared_ptr<SharedRegistry> registry_;  // one of the two is there
};

}  // namespace gbox::build
