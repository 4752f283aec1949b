#include "shown_root.h"

#include <algorithm>
#include <optional>
#include <set>

#include "gbox/base/error.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

namespace {

// Without one there is nothing that could be asked about: any directory will do.
sys::Fd root_or_mount(int mount, const std::string& root) {
  if (auto fd = open_root(mount, root)) return std::move(*fd);
  return sys::openat(mount, ".", O_RDONLY | O_DIRECTORY);
}

content::Seen::Kind kind_of(layer::EntryKind kind) {
  using Kind = content::Seen::Kind;
  if (kind == layer::EntryKind::directory) return Kind::directory;
  if (kind == layer::EntryKind::file || kind == layer::EntryKind::hardlink) return Kind::file;
  return kind == layer::EntryKind::symlink ? Kind::link : Kind::other;
}

}  // namespace

std::optional<sys::Fd> open_root(int mount, const std::string& root) {
  // Whoever reads the layer's files says what is wrong with one that cannot be opened.
  return sys::try_open_directory(mount, root, sys::Resolve::no_symlinks);
}

std::size_t database_depth(store::Store& store, const std::vector<std::string>& chain,
                           const std::string& root) {
  for (std::vector<std::string> seen = chain; !seen.empty(); seen.pop_back()) {
    const MountedChain mount = mount_chain(store, seen);
    const auto directory = open_root(mount.get(), root);
    if (!directory) break;  // and there was none before
    if (content::has_database(directory->get())) return seen.size();
  }
  return 0;
}

content::Owners owners_of(store::Store& store, const std::vector<std::string>& chain,
                          const std::string& root) {
  const std::size_t depth = database_depth(store, chain, root);
  if (depth == 0) return {};
  const MountedChain mount =
      mount_chain(store, {chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(depth)});
  const auto directory = open_root(mount.get(), root);
  return directory ? content::Owners::read(directory->get()) : content::Owners();
}

std::vector<std::string> shown_roots(const std::string& root,
                                     const std::vector<std::string>& others) {
  const std::string above = root == "/" ? root : root + '/';
  std::set<std::string> roots{root};
  for (const std::string& other : others)
    if (other.starts_with(above)) roots.insert(other);
  return {roots.begin(), roots.end()};
}

ShownRoot::Part::Part(store::Store& store, const std::vector<std::string>& chain, int mount,
                      const std::string& root, std::string prefix_in_image, std::int64_t epoch)
    : prefix(std::move(prefix_in_image)),
      fd(root_or_mount(mount, root)),
      owners(owners_of(store, chain, root)),
      normalizer(fd.get(), owners, epoch) {}

ShownRoot::ShownRoot(store::Store& store, const std::vector<std::string>& chain,
                     const std::vector<std::string>& roots, std::int64_t epoch)
    : mount_(mount_chain(store, chain)) {
  const std::size_t above = roots.front() == "/" ? 1 : roots.front().size() + 1;
  for (const std::string& root : roots)
    parts_.emplace_back(store, chain, mount_.get(), root,
                        root == roots.front() ? "" : root.substr(above) + '/', epoch);
}

const ShownRoot::Part& ShownRoot::part_of(std::string_view& path) const {
  // Sorted: what is within another comes after it.
  const auto found = std::find_if(parts_.rbegin(), parts_.rend(),
                                  [&](const Part& part) { return path.starts_with(part.prefix); });
  path.remove_prefix(found->prefix.size());
  return *found;
}

const content::InstalledPackage* ShownRoot::owner_of(std::string_view path) const {
  const Part& part = part_of(path);
  return part.normalizer.owner_of(path);
}

bool ShownRoot::leaves_out(const std::string& path) const {
  std::string_view inner = path;
  (void)part_of(inner);
  return content::Normalizer::leaves_out(inner);
}

std::int64_t ShownRoot::mtime(const layer::Entry& entry) const {
  std::string_view inner = entry.path;
  const Part& part = part_of(inner);
  return part.normalizer.time_of(inner, kind_of(entry.kind), entry.status.st_mtim.tv_sec);
}

bool ShownRoot::may_rewrite(const layer::Entry& entry) const {
  std::string_view inner = entry.path;
  (void)part_of(inner);
  return content::Normalizer::may_rewrite(inner);
}

std::string ShownRoot::rewritten(const layer::Entry& entry, std::string content) const {
  std::string_view inner = entry.path;
  const Part& part = part_of(inner);
  return part.normalizer.rewritten(inner, std::move(content));
}

}  // namespace gbox::build
