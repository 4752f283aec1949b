// What the ebuild repositories of a spec hold, read on demand: categories, packages, and the
// metadata of the ebuilds one asks for, out of metadata/md5-cache. Nothing is executed: an ebuild
// without a valid cache entry is known by its file name only. Not for several threads at once.
// Called by the checks of a spec's Portage configuration.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/portage/atom.h"
#include "gbox/portage/repository.h"

namespace gbox::portage {

struct Ebuild {
  std::string category;
  std::string name;
  std::string version;
  std::string repository;
  bool cached = false;  // whether what follows is known
  std::string eapi;
  std::string slot;
  std::string subslot;  // the slot when the ebuild names none
  std::string keywords;
  std::string license;
  std::string required_use;
  std::string restrict_;
  std::string properties;
  std::vector<std::string> iuse;  // as written: "+foo", "-bar", "baz"

  [[nodiscard]] std::string package() const { return category + '/' + name; }
  [[nodiscard]] std::string cpv() const { return package() + '-' + version; }
  [[nodiscard]] Candidate candidate() const {
    return {category, name,      version, cached ? std::string_view(slot) : std::string_view(),
            subslot,  repository};
  }
};

// One repository as the index sees it.
struct TreeRepository {
  std::string name;
  int dirfd = -1;  // borrowed
  int priority = 0;
  std::vector<std::string> masters;  // that are among the repositories, as layout.conf orders them
};

class TreeIndex {
 public:
  struct Source {
    const CheckedRepository* repository;
    int priority = 0;
  };
  // `main` is the repository that the others' masters default to. The directories must stay open.
  TreeIndex(std::span<const Source> sources, const std::string& main);

  // Sorted by priority, lowest first.
  [[nodiscard]] const std::vector<TreeRepository>& repositories() const { return repositories_; }
  [[nodiscard]] const TreeRepository* find(std::string_view repository) const;
  // Whether every repository that others build upon is among them. If not, the base may have it,
  // and what is not found here may still exist.
  [[nodiscard]] bool complete() const { return complete_; }
  // "repository 'gentoo'" or "repositories 'a' and 'b'": for messages.
  [[nodiscard]] std::string names() const;

  [[nodiscard]] bool has_package(const std::string& category, const std::string& name);
  // Every ebuild of the package, oldest first; of two with one version, that of the repository
  // with the higher priority comes last. Read once.
  const std::vector<Ebuild>& ebuilds(const std::string& category, const std::string& name);
  // The ebuilds that `atom` matches, in the same order. For a wild atom or one without category:
  // of every package it names.
  std::vector<const Ebuild*> matching(const Atom& atom);
  // The packages that a wild atom or one without category names; "category/name".
  std::vector<std::string> packages_matching(const Atom& atom);

  // Every "category/name", sorted. Lists every category once.
  const std::vector<std::string>& packages();
  // What a person may have meant by an atom that no package has: near names, the same name in
  // another category, the category's spelling. At most `most`, best first; empty: no idea.
  std::vector<std::string> suggestions(const Atom& atom, std::size_t most = 3);

  // Every USE flag that ebuilds of repositories without a list of local flags have. Reads all
  // their cache entries: asked only before a flag is called unknown.
  const std::vector<std::string>& undocumented_flags();

 private:
  const std::set<std::string>& categories();
  void read_package(std::size_t repository, const std::string& category, const std::string& name,
                    std::vector<Ebuild>& ebuilds);
  bool read_cache(std::size_t repository, Ebuild& ebuild, const std::string& pf);
  bool is_fresh(std::size_t repository, const std::string& md5, const std::string& eclasses,
                const std::string& ebuild_path);
  std::string eclass_md5(std::size_t repository, const std::string& name);

  std::vector<TreeRepository> repositories_;
  bool complete_ = true;
  std::set<std::string> categories_;
  std::map<std::string, std::vector<Ebuild>> ebuilds_;  // by "category/name"
  std::map<std::string, std::string> eclass_md5_;       // by "repository/name"
  std::optional<std::vector<std::string>> packages_;
  std::optional<std::vector<std::string>> undocumented_;
};

}  // namespace gbox::portage
