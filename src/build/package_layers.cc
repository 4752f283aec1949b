// Layers by package: one walk over the merged root, its entries dealt out to the layers that
// content::group_packages() names.
#include <algorithm>
#include <map>
#include <set>

#include "gbox/base/json.h"
#include "gbox/base/text.h"
#include "gbox/content/grouping.h"
#include "packer.h"
#include "shown_root.h"

namespace gbox::build {

namespace {

using layer::Entry;
using layer::EntryKind;

constexpr char kLayersMemo[] = "package-layers-1";
constexpr std::size_t kNamesInTitle = 6;
constexpr std::uint64_t kEntryBytes = 512;  // of a tar's header
constexpr std::size_t kNobody = SIZE_MAX;

// The same for all versions of a slot: what an update replaces stays where it is.
std::string name_of(const content::InstalledPackage& package) {
  const std::string& slot = package.field("SLOT");
  const std::string main = slot.substr(0, slot.find('/'));
  return package.package() + ':' + (main.empty() ? "0" : main);
}

bool is_live(const content::InstalledPackage& package) {
  return package.version.find("9999") != std::string::npos;
}

class Dealer {
 public:
  Dealer(const layer::ChangeList& list, const ShownRoot& shown, unsigned max_layers)
      : entries_(list.entries) {
    find_owners(shown);
    groups_ = content::group_packages(packages_, max_layers);
    for (std::size_t group = 0; group < groups_.size(); ++group)
      for (const std::size_t member : groups_[group].members) group_of_[member] = group;
    deal();
  }

  [[nodiscard]] std::size_t size() const noexcept { return groups_.size(); }

  // What goes into one of them; nothing but directories: it is empty.
  [[nodiscard]] layer::ChangeList part(std::size_t group) const {
    layer::ChangeList part;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!layers_[i].contains(group)) continue;
      part.entries.push_back(entries_[i]);
      if (entries_[i].kind == EntryKind::file)
        part.content_bytes += static_cast<std::uint64_t>(entries_[i].status.st_size);
    }
    return part;
  }

  [[nodiscard]] std::string title(std::size_t group) const {
    const content::Group& from = groups_[group];
    if (from.members.empty()) return "files of no package";
    std::vector<std::string> names;
    for (const std::size_t member : from.members) names.push_back(packages_[member].name);
    std::sort(names.begin(), names.end());
    if (names.size() == 1) return "package " + names.front();
    const std::size_t more = names.size() > kNamesInTitle ? names.size() - kNamesInTitle : 0;
    names.resize(names.size() - more);
    return "packages " + join(names, ", ") +
           (more == 0 ? "" : " and " + std::to_string(more) + " more");
  }

 private:
  void find_owners(const ShownRoot& shown) {
    std::map<std::string, std::size_t> known;            // name → index
    std::map<std::string, std::size_t> owner_of_target;  // first name of a hard link → owner
    owners_.assign(entries_.size(), kNobody);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      if (entry.kind == EntryKind::hardlink) {
        // All names of a file are in one layer, or they would not be one file.
        owners_[i] = owner_of_target[entry.target];
        continue;
      }
      const content::InstalledPackage* const owner = shown.owner_of(entry.path);
      if (owner != nullptr) {
        const auto [place, fresh] = known.emplace(name_of(*owner), packages_.size());
        if (fresh) packages_.push_back({place->first, 0, is_live(*owner)});
        packages_[place->second].bytes +=
            kEntryBytes +
            (entry.kind == EntryKind::file ? static_cast<std::uint64_t>(entry.status.st_size) : 0);
        owners_[i] = place->second;
      }
      if (entry.kind == EntryKind::file) owner_of_target[entry.path] = owners_[i];
    }
  }

  [[nodiscard]] std::size_t group_of(std::size_t owner) const {
    const auto found = group_of_.find(owner);
    return found == group_of_.end() ? groups_.size() - 1 : found->second;
  }

  // Every layer has the directories above what it holds, just as they are: a reader would make up
  // others for those that are missing, and hide the right ones with them. A directory that holds
  // nothing is its owner's, or nobody's.
  void deal() {
    layers_.resize(entries_.size());
    std::map<std::string, std::size_t, std::less<>> directories;  // path → index
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].kind == EntryKind::directory) directories[entries_[i].path] = i;
    for (std::size_t i = entries_.size(); i-- > 0;) {
      if (entries_[i].kind != EntryKind::directory || layers_[i].empty())
        layers_[i].insert(group_of(owners_[i]));
      // What is above comes earlier in the list, and so is looked at later.
      const std::string_view path = entries_[i].path;
      if (path.empty()) continue;
      const std::size_t slash = path.rfind('/');
      const auto above =
          directories.find(slash == std::string_view::npos ? "" : path.substr(0, slash));
      if (above != directories.end())
        layers_[above->second].insert(layers_[i].begin(), layers_[i].end());
    }
  }

  const std::vector<Entry>& entries_;
  std::vector<content::SizedPackage> packages_;
  std::vector<std::size_t> owners_;  // of each entry: index of a package, or kNobody
  std::vector<content::Group> groups_;
  std::map<std::size_t, std::size_t> group_of_;  // package → group
  std::vector<std::set<std::size_t>> layers_;    // of each entry
};

std::string part_kind(const spec::Output& output, std::size_t index) {
  return "package;max=" + std::to_string(output.max_layers) + ";part=" + std::to_string(index);
}

}  // namespace

std::vector<PackedPart> LayerPacker::pack_packages(const std::vector<std::string>& chain,
                                                   const PackReport& report) const {
  const auto key_of = [&](std::size_t index) {
    return store::LayerKey{chain, options_text(part_kind(output_, index))};
  };
  // Which layers there are is only known after the walk; so it is remembered.
  const std::string state = sha256(join(chain, " ") + key_of(0).options).hex();
  std::vector<PackedPart> parts;
  if (const auto known = store_.find_memo(kLayersMemo, state)) {
    for (const Json& title : Json::parse(*known, nullptr, false)) {
      const auto cached =
          title.is_string() ? store_.find_layer(key_of(parts.size())) : std::nullopt;
      if (!cached) break;
      parts.push_back({title.get<std::string>(), blob_of(*cached)});
    }
    if (!parts.empty() && parts.size() == Json::parse(*known, nullptr, false).size()) return parts;
    parts.clear();
  }

  const ShownRoot shown(store_, chain, roots_, image_epoch());
  const MountedChain tree = mount_chain(store_, chain);
  const layer::PackOptions options = image_options(shown, report);
  const layer::ChangeList list = layer::scan_for_layer(tree.get(), options);
  const Dealer dealer(list, shown, output_.max_layers);
  Json titles = Json::array();
  for (std::size_t group = 0; group < dealer.size(); ++group) {
    const layer::ChangeList part = dealer.part(group);
    if (part.entries.empty()) continue;
    store::BlobWriter writer = store_.new_blob();
    const layer::LayerResult result = layer::pack_entries(tree.get(), part, options, writer.fd());
    (void)writer.commit(result.blob_digest);
    const store::CachedLayer layer = {result.blob_digest, result.blob_size, result.diff_id,
                                      result.uncompressed_size};
    store_.put_layer(key_of(parts.size()), layer);
    parts.push_back({dealer.title(group), blob_of(layer)});
    titles.push_back(parts.back().title);
  }
  store_.put_memo(kLayersMemo, state, titles.dump());
  return parts;
}

}  // namespace gbox::build
