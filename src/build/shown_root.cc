#include "shown_root.h"

#include <optional>

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

ShownRoot::ShownRoot(store::Store& store, const std::vector<std::string>& chain,
                     const std::string& root, std::int64_t epoch)
    : mount_(mount_chain(store, chain)),
      root_(root_or_mount(mount_.get(), root)),
      owners_(owners_of(store, chain, root)),
      normalizer_(root_.get(), owners_, epoch) {}

bool ShownRoot::leaves_out(const std::string& path) const {
  return content::Normalizer::leaves_out(path);
}

std::int64_t ShownRoot::mtime(const layer::Entry& entry) const {
  return normalizer_.time_of(entry.path, kind_of(entry.kind), entry.status.st_mtim.tv_sec);
}

bool ShownRoot::may_rewrite(const layer::Entry& entry) const {
  return content::Normalizer::may_rewrite(entry.path);
}

std::string ShownRoot::rewritten(const layer::Entry& entry, std::string content) const {
  return normalizer_.rewritten(entry.path, std::move(content));
}

}  // namespace gbox::build
