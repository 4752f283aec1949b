// The directories that builds share packages by: `gbox build --cache-from dir=DIR --cache-to
// dir=DIR`. They are those of include/gbox/build/share.h. A build asks for the packages of its
// plan, so a directory with packages of a hundred others costs nothing; in the end it leaves behind
// what it has used. Nothing in such a directory can make a build fail: what is damaged or hostile
// there is warned of, and compiled.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/store/store.h"
#include "shared_directory.h"

namespace gbox::build {

class CacheDirectories {
 public:
  // Opens those to read from; makes those to write to, and tries to write there, because an hour
  // later would be late. All is borrowed. Throws Error (usage) for a place that cannot be meant,
  // Error (host) for one that cannot be written.
  CacheDirectories(const CachePlaces& places, store::Store& store, Observer& observer);

  [[nodiscard]] bool has_any() const noexcept { return !from_.empty(); }
  // Takes those packages of `keys` into the store that it lacks and a directory has. `what` names
  // the phase they are for.
  void bring(const std::string& what, const std::vector<std::string>& keys);
  // Where bring() would take the package of `key` from, as far as can be told without reading it.
  [[nodiscard]] std::optional<std::string> find(const std::string& key) const;
  // Packages that this build uses although it did not ask for them one by one.
  void used(const std::vector<std::string>& keys);
  // Writes what the build has asked for, as far as the store has it by now. What goes wrong is
  // warned of: it concerns no image. Throws Interrupted.
  void write();

 private:
  struct Place {
    std::string path;
    SharedDirectory directory;
  };
  void open(const std::string& path);
  void prepare(const std::string& path);
  void write_to(const std::string& path, const std::vector<store::Package>& packages);
  void refuse(const Place& place, const std::string& key, const std::string& what,
              const std::string& why);

  store::Store& store_;
  Observer& observer_;
  std::vector<Place> from_;
  std::vector<std::string> to_;
  std::vector<std::string> asked_;  // keys, each once
  std::set<std::string> known_;     // likewise
  std::set<std::string> refused_;   // keys of what is damaged in a directory
};

}  // namespace gbox::build
