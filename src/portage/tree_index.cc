#include "gbox/portage/tree_index.h"

#include <algorithm>
#include <array>
#include <set>

#include "gbox/base/text.h"
#include "gbox/portage/md5.h"
#include "gbox/portage/version.h"
#include "repo_files.h"

namespace gbox::portage {

namespace {

constexpr std::string_view kCacheDirectory = "metadata/md5-cache";

std::vector<std::string> masters_of(int dirfd, const std::string& name, const std::string& main) {
  std::vector<std::string> masters;
  if (name != main) masters.push_back(main);
  const auto text = try_read_in(dirfd, "metadata/layout.conf");
  for (const Line& line : lines_of(text.value_or(""), "")) {
    const std::string whole = join(line.words, " ");
    const std::size_t equals = whole.find('=');
    if (equals == std::string::npos || trim(whole.substr(0, equals)) != "masters") continue;
    masters = split_words(whole.substr(equals + 1));
  }
  return masters;
}

}  // namespace

TreeIndex::TreeIndex(std::span<const Source> sources, const std::string& main) {
  for (const Source& source : sources) {
    const int dirfd = source.repository->directory.get();
    const std::string& name = source.repository->name;
    repositories_.push_back({name, dirfd, source.priority, masters_of(dirfd, name, main)});
  }
  std::stable_sort(
      repositories_.begin(), repositories_.end(),
      [](const TreeRepository& a, const TreeRepository& b) { return a.priority < b.priority; });
  for (TreeRepository& repository : repositories_)
    if (std::erase_if(repository.masters,
                      [&](const std::string& master) { return find(master) == nullptr; }) != 0)
      complete_ = false;
}

const TreeRepository* TreeIndex::find(std::string_view repository) const {
  for (const TreeRepository& candidate : repositories_)
    if (candidate.name == repository) return &candidate;
  return nullptr;
}

std::string TreeIndex::names() const {
  std::vector<std::string> names;
  for (const TreeRepository& repository : repositories_) names.push_back(repository.name);
  std::sort(names.begin(), names.end());
  return (names.size() == 1 ? "repository " : "repositories ") + quoted_list(names);
}

// The union, as Portage has it: an overlay may put packages into a category of another repository.
const std::set<std::string>& TreeIndex::categories() {
  if (!categories_.empty()) return categories_;
  for (const TreeRepository& repository : repositories_)
    for (const Line& line : read_lines(repository.dirfd, "profiles/categories"))
      if (is_category_name(line.words.front())) categories_.insert(line.words.front());
  return categories_;
}

bool TreeIndex::has_package(const std::string& category, const std::string& name) {
  return !ebuilds(category, name).empty();
}

const std::vector<Ebuild>& TreeIndex::ebuilds(const std::string& category,
                                              const std::string& name) {
  const auto [entry, added] = ebuilds_.try_emplace(category + '/' + name);
  if (!added || !is_package_name(name) || !categories().contains(category)) return entry->second;
  std::vector<Ebuild>& found = entry->second;
  for (std::size_t i = 0; i < repositories_.size(); ++i) read_package(i, category, name, found);
  // Stable: repositories were read in the order of their priority.
  std::stable_sort(found.begin(), found.end(), [](const Ebuild& a, const Ebuild& b) {
    return compare_versions(a.version, b.version) < 0;
  });
  return found;
}

void TreeIndex::read_package(std::size_t repository, const std::string& category,
                             const std::string& name, std::vector<Ebuild>& ebuilds) {
  constexpr std::string_view kEnding = ".ebuild";
  const int dirfd = repositories_[repository].dirfd;
  const std::string directory = category + '/' + name;
  for (const std::string& file : list_in(dirfd, directory)) {
    if (!file.ends_with(kEnding)) continue;
    const std::string pf = file.substr(0, file.size() - kEnding.size());
    const auto parts = split_name_version(pf);
    if (!parts || parts->name != name) continue;
    Ebuild ebuild;
    ebuild.category = category;
    ebuild.name = name;
    ebuild.version = parts->version;
    ebuild.repository = repositories_[repository].name;
    ebuild.cached = read_cache(repository, ebuild, pf);
    ebuilds.push_back(std::move(ebuild));
  }
}

bool TreeIndex::read_cache(std::size_t repository, Ebuild& ebuild, const std::string& pf) {
  const int dirfd = repositories_[repository].dirfd;
  const auto text =
      try_read_in(dirfd, std::string(kCacheDirectory) + '/' + ebuild.category + '/' + pf);
  if (!text) return false;
  std::string md5;
  std::string eclasses;
  Ebuild read;
  for (const std::string& line : split(*text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view key = std::string_view(line).substr(0, equals);
    std::string value = line.substr(equals + 1);
    if (key == "EAPI") read.eapi = std::move(value);
    if (key == "SLOT") read.slot = std::move(value);
    if (key == "KEYWORDS") read.keywords = std::move(value);
    if (key == "LICENSE") read.license = std::move(value);
    if (key == "IUSE") read.iuse = split_words(value);
    if (key == "REQUIRED_USE") read.required_use = std::move(value);
    if (key == "RESTRICT") read.restrict_ = std::move(value);
    if (key == "PROPERTIES") read.properties = std::move(value);
    if (key == "_md5_") md5 = std::move(value);
    if (key == "_eclasses_") eclasses = std::move(value);
  }
  if (read.slot.empty() ||
      !is_fresh(repository, md5, eclasses, ebuild.package() + '/' + pf + ".ebuild"))
    return false;
  if (read.eapi.empty()) read.eapi = "0";
  const std::size_t slash = read.slot.find('/');
  read.subslot = slash == std::string::npos ? read.slot : read.slot.substr(slash + 1);
  read.slot.resize(std::min(slash, read.slot.size()));
  read.category = ebuild.category;
  read.name = ebuild.name;
  read.version = ebuild.version;
  read.repository = ebuild.repository;
  ebuild = std::move(read);
  return true;
}

// Portage throws an entry away whose ebuild or eclasses have other sums by now (a tree that
// somebody works in): what it says must not be held against a spec.
bool TreeIndex::is_fresh(std::size_t repository, const std::string& md5,
                         const std::string& eclasses, const std::string& ebuild_path) {
  const int dirfd = repositories_[repository].dirfd;
  if (!md5.empty() && md5_hex(try_read_in(dirfd, ebuild_path).value_or("")) != md5) return false;
  const std::vector<std::string> pairs = split(eclasses, '\t');
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2)
    if (eclass_md5(repository, pairs[i]) != pairs[i + 1]) return false;
  return true;
}

std::string TreeIndex::eclass_md5(std::size_t repository, const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos) return {};
  const TreeRepository& own = repositories_[repository];
  const auto [entry, added] = eclass_md5_.try_emplace(own.name + '/' + name);
  if (!added) return entry->second;
  const std::string path = "eclass/" + name + ".eclass";
  std::optional<std::string> text = try_read_in(own.dirfd, path);
  for (auto master = own.masters.rbegin(); !text && master != own.masters.rend(); ++master)
    text = try_read_in(find(*master)->dirfd, path);
  if (text) entry->second = md5_hex(*text);
  return entry->second;
}

std::vector<std::string> TreeIndex::packages_matching(const Atom& atom) {
  if (!atom.wild && !atom.category.empty())
    return has_package(atom.category, atom.name) ? std::vector<std::string>{atom.package()}
                                                 : std::vector<std::string>{};
  std::vector<std::string> found;
  for (const std::string& package : packages()) {
    const std::size_t slash = package.find('/');
    const std::string_view text = package;
    if (matches_package(atom, text.substr(0, slash), text.substr(slash + 1)))
      found.push_back(package);
  }
  return found;
}

std::vector<const Ebuild*> TreeIndex::matching(const Atom& atom) {
  std::vector<const Ebuild*> found;
  for (const std::string& package : packages_matching(atom)) {
    const std::size_t slash = package.find('/');
    for (const Ebuild& ebuild : ebuilds(package.substr(0, slash), package.substr(slash + 1)))
      if (matches(atom, ebuild.candidate())) found.push_back(&ebuild);
  }
  return found;
}

const std::vector<std::string>& TreeIndex::packages() {
  if (packages_) return *packages_;
  std::set<std::string> found;
  for (const TreeRepository& repository : repositories_)
    for (const std::string& category : categories())
      for (const std::string& name : list_in(repository.dirfd, category))
        if (is_package_name(name)) found.insert(category + '/' + name);
  packages_.emplace(found.begin(), found.end());
  return *packages_;
}

std::vector<std::string> TreeIndex::suggestions(const Atom& atom, std::size_t most) {
  std::vector<std::string> found;
  std::vector<std::string> in_category;
  std::vector<std::string> names;
  for (const std::string& package : packages()) {
    const std::size_t slash = package.find('/');
    const std::string name = package.substr(slash + 1);
    if (name == atom.name) found.push_back(package);
    if (package.substr(0, slash) == atom.category) in_category.push_back(name);
    names.push_back(name);
  }
  const auto add = [&](const std::string& package) {
    if (std::find(found.begin(), found.end(), package) == found.end()) found.push_back(package);
  };
  if (found.empty() && !in_category.empty()) {
    const std::string near = nearest(atom.name, in_category);
    if (!near.empty()) add(atom.category + '/' + near);
  }
  if (found.empty()) {
    // The category too is wrong, or there was none.
    const std::string near = nearest(atom.name, names);
    for (const std::string& package : packages())
      if (!near.empty() && package.ends_with('/' + near)) add(package);
  }
  if (found.size() > most) found.resize(most);
  return found;
}

const std::vector<std::string>& TreeIndex::undocumented_flags() {
  if (undocumented_) return *undocumented_;
  std::set<std::string> flags;
  for (const TreeRepository& repository : repositories_) {
    const std::string root(kCacheDirectory);
    if (try_open_in(repository.dirfd, "profiles/use.local.desc", O_PATH)) continue;
    for (const std::string& category : list_in(repository.dirfd, root))
      for (const std::string& pf : list_in(repository.dirfd, root + '/' + category)) {
        const auto text = try_read_in(repository.dirfd, root + '/' + category + '/' + pf);
        for (const std::string& line : split(text.value_or(""), '\n'))
          if (line.starts_with("IUSE="))
            for (const std::string& flag : split_words(line.substr(5)))
              flags.insert(flag.substr(flag.front() == '+' || flag.front() == '-' ? 1 : 0));
      }
  }
  undocumented_.emplace(flags.begin(), flags.end());
  return *undocumented_;
}

}  // namespace gbox::portage
