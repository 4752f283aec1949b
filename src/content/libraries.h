// Which libraries the loader of a root would find, and which it would not: ld.so(8) and, where the
// program's interpreter is musl's, its rules. What is followed is what a process without special
// privileges does: RPATH of the asking object and of those that asked for it, LD_LIBRARY_PATH,
// RUNPATH, ld.so.cache, the directories that the loader itself has built in.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "objects.h"

namespace gbox::content {

struct MissingLibrary {
  std::string by;  // resolved path of the object that asks
  std::string name;
  ElfKind kind;
  bool unused = false;  // `by` lies where programs look, and none of the image is linked to it
};

class Libraries {
 public:
  // `objects` is borrowed. `library_path`: LD_LIBRARY_PATH, between its colons.
  Libraries(Objects& objects, std::vector<std::string> library_path);

  // Loads a program as its loader would; what is not found is noted once for each that asks.
  void load(const std::string& program);
  // A library or plugin that no program has loaded: its process may have loaded, or may look for,
  // what it needs in ways of its own, so that `known` (all there is in the image by name) counts
  // as well.
  void load_alone(const std::string& object,
                  const std::map<std::string, std::vector<std::string>>& known);
  [[nodiscard]] bool is_reached(const std::string& path) const { return reached_.contains(path); }
  [[nodiscard]] const std::vector<MissingLibrary>& missing() const noexcept { return missing_; }

  // Where a plain name is found by a program of this kind: cache and built-in directories.
  [[nodiscard]] std::optional<std::string> find_plain(const std::string& name, const ElfKind& kind);
  // Kinds that programs of this root have.
  [[nodiscard]] bool runs(const ElfKind& kind) const { return loaders_.contains(kind); }
  [[nodiscard]] bool is_glibc(const ElfKind& kind) const;

 private:
  struct Loaded {
    std::string path;
    std::size_t asked_by;  // index; its own for the program
  };
  using Chain = std::vector<Loaded>;

  std::optional<std::string> find(const std::string& name, const Elf& elf, const Chain& chain,
                                  std::size_t asking);
  std::optional<std::string> in_directories(const std::string& name, const ElfKind& kind,
                                            const std::vector<std::string>& directories);
  std::vector<std::string> expanded(const std::vector<std::string>& directories,
                                    const std::string& object, const ElfKind& kind);
  const std::vector<std::string>& built_in(const ElfKind& kind);
  bool fits(const std::string& path, const ElfKind& kind);
  void note_missing(MissingLibrary missing);
  bool is_plain(const std::string& path, const ElfKind& kind);

  Objects& objects_;
  std::vector<std::string> library_path_;
  std::map<std::string, std::vector<std::string>> cache_;
  std::map<ElfKind, std::string> loaders_;  // resolved path of the first seen
  std::map<ElfKind, std::vector<std::string>> built_in_;
  std::map<std::pair<ElfKind, std::string>, std::optional<std::string>> plain_;
  std::unordered_set<std::string> reached_;
  std::set<std::pair<std::string, std::string>> noted_;
  std::vector<MissingLibrary> missing_;
};

}  // namespace gbox::content
