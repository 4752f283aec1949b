// A repository of a registry by which builds share what they have made, each an artifact whose
// config is what include/gbox/build/share.h and shared_snapshot.h have as a file of facts, and
// whose only blob is the file. Tags: a package's is its KEY, a cache's "cache-KEY", a snapshot's
// "snapshot-TAG". Whatever comes from there is outside text; a registry that cannot be reached, or
// does not let us in, is told of once and then left alone: it costs time, never a build.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gbox/build/build.h"
#include "gbox/build/observer.h"
#include "gbox/build/share.h"
#include "gbox/oci/crew.h"
#include "gbox/oci/registry.h"
#include "gbox/store/store.h"
#include "shared_cache.h"
#include "shared_package.h"
#include "shared_snapshot.h"

namespace gbox::build {

class SharedRegistry {
 public:
  // `text`: "docker://HOST/REPOSITORY"; `option` is "--cache-from" or "--cache-to". Nothing is
  // asked yet. Throws Error (usage).
  SharedRegistry(const std::string& text, const std::string& option, const SourceOptions& sources,
                 Observer& observer);

  // Asks what is told of these packages, several at once: find() then knows.
  void look_for(const std::vector<std::string>& keys);
  // What is told of the package of one key; nullopt when nothing is, or, with `why`, when it is
  // refused.
  std::optional<SharedPackage> find(const std::string& key, std::string& why);
  std::optional<SharedCache> find_cache(const std::string& id, std::string& why);
  std::optional<SharedSnapshot> find_snapshot(const std::string& tag, std::string& why);
  // Its file, in a file without a name in directory `scratch`, verified; else `why` not.
  std::optional<sys::Fd> fetch(const SharedPackage& shared, int scratch, std::string& why);
  std::optional<sys::Fd> fetch(const SharedCache& shared, int scratch, std::string& why);
  std::optional<sys::Fd> fetch(const SharedSnapshot& shared, int scratch, std::string& why);

  // Whether anything may be written there, by beginning to and leaving it at that; warns if not.
  bool try_writing();
  // Those that are not there yet, or of `renewed`, several at once. Throws Error (image).
  ShareResult write(store::Store& store, const std::vector<store::Package>& packages,
                    const std::set<std::string>& renewed);
  // `file` is the archive. Instead of what is there. Throws Error (image).
  void put(const SharedCache& cache, const sys::Fd& file);
  void put(const SharedSnapshot& snapshot, const sys::Fd& file);

 private:
  // What a tag stands for.
  struct Looked {
    std::optional<std::string> facts;  // nullopt: nothing of gbox's, see `why`
    oci::Descriptor file;
    std::string why;
  };
  struct Kind {
    std::string name;  // "package"
    std::string tags;  // what they begin with
    [[nodiscard]] std::string artifact() const;
    [[nodiscard]] std::string facts_type() const;
    [[nodiscard]] std::string file_type() const;
  };
  static const Kind kPackage;
  static const Kind kCache;
  static const Kind kSnapshot;

  void give_up(const Error& error, const std::string& loss);
  // What it was told before, or is now; nullptr when nothing is to be had any more.
  const Looked* looked(const Kind& kind, const std::string& name);
  // What `parse` makes of the facts, when they are of the file that is there.
  template <class Parse>
  auto find(const Kind& kind, const std::string& name, std::string& why, Parse&& parse)
      -> std::optional<decltype(parse(std::string()))>;
  std::optional<sys::Fd> fetch(const Kind& kind, const std::string& name, const std::string& shown,
                               int scratch, std::string& why);
  static Looked look(oci::Registry& registry, const Kind& kind, const std::string& name);
  static void put(oci::Registry& registry, const Kind& kind, const std::string& name,
                  const std::string& facts, const Digest& digest, const oci::BlobFile& file,
                  const oci::Moved& moved);
  void put(const Kind& kind, const std::string& name, const std::string& shown,
           const std::string& facts, const Digest& digest, std::uint64_t size, const sys::Fd& file);
  [[nodiscard]] oci::Crew crew() const;

  std::string text_;
  std::string option_;
  Observer& observer_;
  oci::Crew::Place place_;
  oci::Registry registry_;
  bool gone_ = false;
  std::map<std::string, Looked> looked_;  // by tag
};

}  // namespace gbox::build
