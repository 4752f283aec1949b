#include "providers.h"

#include <algorithm>
#include <set>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/content/paths.h"
#include "gbox/sys/beneath.h"

namespace gbox::build {

namespace {

std::optional<Provider> provider_in(const content::Owners& owners, const std::string& what) {
  if (what.starts_with('/')) {
    const content::InstalledPackage* owner = owners.owner(what);
    if (owner == nullptr) return std::nullopt;
    return Provider{owner->cpv(), what};
  }
  const std::string end = '/' + what;
  for (const content::InstalledPackage& package : owners.packages()) {
    Provider provider{package.cpv(), {}};
    for (const portage::InstalledEntry& entry : package.entries)
      if (entry.kind != portage::InstalledEntry::Kind::directory && entry.path.ends_with(end) &&
          (provider.path.empty() || entry.path.size() < provider.path.size()))
        provider.path = entry.path;
    const std::vector<std::string> provides = content::sonames(package, "PROVIDES");
    if (!provider.path.empty() ||
        std::any_of(provides.begin(), provides.end(),
                    [&](const std::string& each) { return each.ends_with(end); }))
      return provider;
  }
  return std::nullopt;
}

}  // namespace

Providers::Providers(store::Store& store, const std::vector<Built>& steps, std::string root)
    : store_(store), steps_(steps), root_(std::move(root)) {}

const MountedChain& Providers::prefix(std::size_t steps) {
  auto known = prefixes_.find(steps);
  if (known == prefixes_.end()) {
    std::vector<std::string> snapshots;
    for (std::size_t i = 0; i < steps; ++i) snapshots.push_back(steps_[i].record.snapshot);
    known = prefixes_.emplace(steps, mount_chain(store_, snapshots)).first;
  }
  return known->second;
}

const content::Owners* Providers::owners(std::size_t steps, const std::string& root) {
  auto known = owners_.find({steps, root});
  if (known == owners_.end()) {
    std::optional<content::Owners> read;
    if (const auto directory = sys::try_open_directory(prefix(steps).get(), root))
      if (content::has_database(directory->get())) read = content::Owners::read(directory->get());
    known = owners_.emplace(std::pair(steps, root), std::move(read)).first;
  }
  return known->second ? &*known->second : nullptr;
}

bool Providers::there(std::size_t steps, const std::string& path) {
  const auto directory = sys::try_open_directory(prefix(steps).get(), root_);
  if (!directory) return false;
  content::DiskPaths paths(directory->get());
  return paths.find(path, content::Follow::all).state == content::Resolved::State::found;
}

std::optional<Provider> Providers::find(const std::string& what) {
  // The last state first: what is installed there fits together. The database of the output's root
  // may be gone from it, and so may a package that an earlier step has removed.
  std::set<std::string> roots = {root_, "/"};
  for (std::size_t steps = steps_.size(); steps > 0; --steps)
    for (const std::string& root : roots)
      if (const content::Owners* owners_there = owners(steps, root))
        if (auto found = provider_in(*owners_there, what)) return found;
  return what.starts_with('/') ? std::nullopt : in_packages(what);
}

std::optional<Provider> Providers::in_packages(const std::string& soname) const {
  const std::vector<store::Package> packages = store_.packages();
  for (auto package = packages.rbegin(); package != packages.rend(); ++package)
    for (const std::string& line : split(package->stanza, '\n')) {
      if (!line.starts_with("PROVIDES:")) continue;
      const std::vector<std::string> words = split_words(line);
      if (std::find(words.begin(), words.end(), soname) != words.end())
        return Provider{package->cpv, {}};
    }
  return std::nullopt;
}

std::string Providers::owner(const std::string& path) {
  for (std::size_t steps = steps_.size(); steps > 0; --steps)
    if (const content::Owners* all = owners(steps, root_)) {
      const content::InstalledPackage* found = all->owner(path);
      return found == nullptr ? "" : found->cpv();
    }
  return {};
}

std::string Providers::remover(const std::string& path) {
  for (std::size_t steps = steps_.size(); steps > 1; --steps)
    if (!there(steps, path) && there(steps - 1, path)) return steps_[steps - 1].record.phase;
  return {};
}

}  // namespace gbox::build
