#include "bill.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/content/paths.h"
#include "gbox/portage/manifest.h"
#include "gbox/sys/beneath.h"
#include "root.h"
#include "savings.h"
#include "settle.h"
#include "shown_root.h"

namespace gbox::build {

namespace {

constexpr char kBillMemo[] = "bill-1";
constexpr std::size_t kMaxCacheBytes = 4u << 20;  // of one entry of a metadata cache

using content::Component;
using content::SourceFile;

// What is not there, or odd, is a repository's own affair: the bill says less.
std::optional<std::string> try_read(int dirfd, const std::string& path, std::size_t limit) {
  return sys::try_read_beneath(dirfd, path, limit, sys::Resolve::beneath);
}

std::string field_of(const std::string& cache, std::string_view name) {
  for (const std::string& line : split(cache, '\n'))
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == '=')
      return line.substr(name.size() + 1);
  return {};
}

// What the repository has on a version of a package. It may be gone from there by now.
void ask_repository(int dirfd, Component& component) {
  const std::string package = component.package();
  if (const auto xml = try_read(dirfd, package + "/metadata.xml", kMaxCacheBytes))
    component.cpes = content::cpes_of_metadata(*xml);
  const auto cache =
      try_read(dirfd, "metadata/md5-cache/" + package + '-' + component.version, kMaxCacheBytes);
  if (!cache) return;
  component.sources = content::sources_of(field_of(*cache, "SRC_URI"), component.use);
  const auto text = try_read(dirfd, package + "/Manifest", portage::kMaxManifestBytes);
  if (!text) return;
  std::vector<portage::Distfile> manifest;
  try {
    manifest = portage::parse_manifest(*text);
  } catch (const Error&) {
    return;
  }
  for (SourceFile& source : component.sources)
    for (const portage::Distfile& file : manifest)
      if (file.name == source.name) source.digests = file.digests;
}

// cpv → names and digests of what it was built from, of all packages that these steps merged.
std::map<std::string, std::vector<SourceFile>> recorded_sources(
    const store::Store& store, const std::vector<std::string>& chain) {
  std::map<std::string, std::vector<SourceFile>> sources;
  for (const store::Record& record : store.records()) {
    if (std::find(chain.begin(), chain.end(), record.snapshot) == chain.end() ||
        !record.extra.is_object() || !record.extra.contains("packages"))
      continue;
    for (const Json& key : record.extra["packages"]) {
      if (!key.is_string()) continue;
      const auto package = store.peek_package(key.get<std::string>());
      if (!package || !package->parts.is_array()) continue;
      for (const Json& part : package->parts) {
        if (!part.is_array() || part.size() != 2 || part[0] != "distfiles" || !part[1].is_object())
          continue;
        for (const auto& [name, digest] : part[1].items()) {
          SourceFile source;
          source.name = name;
          try {
            if (digest.is_string())
              source.digests.push_back(Digest::parse(digest.get<std::string>()));
          } catch (const Error&) {
            continue;  // some other way to tell one file from another
          }
          sources[package->cpv].push_back(std::move(source));
        }
      }
    }
  }
  return sources;
}

Json to_json(const Component& component) {
  Json json = {{"cpes", component.cpes}, {"sources", Json::array()}};
  for (const SourceFile& source : component.sources) {
    Json digests = Json::array();
    for (const Digest& digest : source.digests) digests.push_back(digest.to_string());
    json["sources"].push_back({{"name", source.name}, {"url", source.url}, {"digests", digests}});
  }
  return json;
}

// Throws what JSON throws for anything that to_json() has not written.
void from_json(const Json& json, Component& component) {
  component.cpes = json.at("cpes").get<std::vector<std::string>>();
  for (const Json& each : json.at("sources")) {
    SourceFile source;
    source.name = each.at("name").get<std::string>();
    source.url = each.at("url").get<std::string>();
    for (const Json& digest : each.at("digests"))
      source.digests.push_back(Digest::parse(digest.get<std::string>()));
    component.sources.push_back(std::move(source));
  }
}

bool recall(const std::string& memo, std::vector<Component>& components) {
  try {
    const Json known = parse_json(memo, "a memo");
    for (Component& component : components)
      from_json(known.at(component.package() + '-' + component.version), component);
    return true;
  } catch (const std::exception&) {
    for (Component& component : components) {
      component.cpes.clear();
      component.sources.clear();
    }
    return false;
  }
}

// What was unmerged after the database of packages was seen last, in the step that removed it.
std::set<std::string> unmerged(store::Store& store, const std::vector<std::string>& chain,
                               const std::string& root) {
  const auto depth = static_cast<std::ptrdiff_t>(database_depth(store, chain, root));
  std::set<std::string> packages;
  for (const store::Record& record : store.records()) {
    if (std::find(chain.begin() + depth, chain.end(), record.snapshot) == chain.end()) continue;
    for (const Saving& saving : savings_of(record.extra))
      packages.insert(saving.packages.begin(), saving.packages.end());
  }
  return packages;
}

// Packages that are in the root still, whether or not it has a record of them.
std::vector<Component> present(const content::Owners& owners, const std::set<std::string>& gone,
                               int rootfd) {
  content::DiskPaths paths(rootfd);
  std::vector<Component> components;
  const auto is_there = [&](const portage::InstalledEntry& entry) {
    return paths.find(entry.path, content::Follow::parents).state ==
           content::Resolved::State::found;
  };
  const auto is_owned = [](const portage::InstalledEntry& entry) {
    return entry.kind != portage::InstalledEntry::Kind::directory;
  };
  for (const content::InstalledPackage& package : owners.packages()) {
    if (gone.contains(package.cpv())) continue;
    const auto& entries = package.entries;
    // What has no file, a virtual say, cannot be trimmed away either.
    const bool has_files = std::any_of(entries.begin(), entries.end(), is_owned);
    if (!has_files || std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
          return is_owned(entry) && is_there(entry);
        }))
      components.push_back(content::component_of(package));
  }
  return components;
}

}  // namespace

std::vector<Component> components_of_root(store::Store& store,
                                          const std::vector<std::string>& chain,
                                          const std::string& root) {
  const MountedChain mount = mount_chain(store, chain);
  const auto directory = open_root(mount.get(), root);
  if (!directory) return {};
  return present(owners_of(store, chain, root), unmerged(store, chain, root), directory->get());
}

std::vector<Component> components_of(Inputs& inputs, Sources& sources,
                                     const std::vector<std::string>& chain) {
  store::Store& store = sources.store();
  const std::string& root = inputs.spec.output.root;
  std::vector<Component> components = components_of_root(store, chain, root);
  if (components.empty()) return components;
  const std::string state =
      sha256(join(chain, " ") + Json(inputs.repository_digests).dump() + root).hex();
  if (const auto memo = store.find_memo(kBillMemo, state))
    if (recall(*memo, components)) return components;
  bool complete = true;
  try {
    open_repositories(inputs, sources);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    // The image is finished, from what the store has: it does not fail for want of a description.
    complete = false;
    sources.observer().warn(
        {"the bill of materials lacks what the ebuild repositories know: " + error.message(),
         error.hint()});
  }
  const auto recorded = recorded_sources(store, chain);
  Json memo = Json::object();
  for (Component& component : components) {
    for (const portage::CheckedRepository& repository : inputs.repositories)
      if (repository.name == component.repository)
        ask_repository(repository.directory.get(), component);
    const std::string cpv = component.package() + '-' + component.version;
    const auto found = recorded.find(cpv);
    // Without a metadata cache, what gbox built it from; that tells no address.
    if (component.sources.empty() && found != recorded.end()) component.sources = found->second;
    memo[cpv] = to_json(component);
  }
  if (complete) store.put_memo(kBillMemo, state, memo.dump());
  return components;
}

}  // namespace gbox::build
