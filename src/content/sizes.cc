#include "gbox/content/sizes.h"

#include <algorithm>
#include <map>

#include "gbox/base/text.h"
#include "gbox/content/trim.h"

namespace gbox::content {

namespace {

using Shares = std::map<std::string, Share>;

void add(Shares& shares, const std::string& name, std::uint64_t bytes) {
  Share& share = shares[name];
  share.name = name;
  share.bytes += bytes;
  ++share.files;
}

std::vector<Share> sorted(Shares&& shares) {
  std::vector<Share> list;
  for (auto& [name, share] : shares) list.push_back(std::move(share));
  std::stable_sort(list.begin(), list.end(),
                   [](const Share& a, const Share& b) { return a.bytes > b.bytes; });
  return list;
}

bool is_collection(std::string_view second) {
  return second.starts_with("lib") || second == "share" || second == "local" || second == "db" ||
         second == "cache";
}

}  // namespace

std::string directory_of(const std::string& path) {
  std::vector<std::string> parts = split(path, '/');  // the first is empty
  parts.pop_back();                                   // the file's own name
  std::size_t depth = parts.size() > 3 && is_collection(parts[2]) ? 4 : 3;
  depth = std::min(depth, parts.size());
  parts.resize(depth);
  const std::string directory = join(parts, "/");
  return directory.empty() ? "/" : directory;
}

Sizes sizes_of(const Tree& tree, const Owners& owners,
               const std::vector<std::string>& keep_locales) {
  Sizes sizes;
  Shares packages;
  Shares directories;
  for (const File& file : tree.files()) {
    if (file.kind == Seen::Kind::directory) continue;
    const bool first = file.linked_to.empty() || file.linked_to == file.path;
    const std::uint64_t bytes = first ? file.size_bytes : 0;
    sizes.bytes += bytes;
    ++sizes.files;
    const InstalledPackage* owner = owners.owner(file.path);
    add(packages, owner == nullptr ? "" : owner->cpv(), bytes);
    add(directories, directory_of(file.path), bytes);
  }
  sizes.packages = sorted(std::move(packages));
  sizes.directories = sorted(std::move(directories));
  Shares presets;
  for (const spec::TrimPreset& preset : spec::trim_presets()) {
    const Matched matched = match(tree, preset, keep_locales);
    if (matched.files == 0) continue;
    presets[std::string(preset.name)] = {std::string(preset.name), matched.bytes, matched.files};
  }
  sizes.presets = sorted(std::move(presets));
  return sizes;
}

}  // namespace gbox::content
