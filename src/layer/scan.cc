#include <linux/magic.h>
#include <sys/vfs.h>

#include <map>
#include <optional>

#include "gbox/base/text.h"
#include "gbox/layer/changes.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/fd.h"
#include "metadata.h"
#include "xattr.h"

namespace gbox::layer {

namespace {

std::string joined(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + '/' + name;
}

// ENOENT here means that something still writes to the tree.
[[noreturn]] void throw_changed(const std::string& path) {
  throw Error(quoted(path) + " changed while the tree was read", ExitCode::image);
}

EntryKind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return EntryKind::directory;
    case S_IFLNK:
      return EntryKind::symlink;
    case S_IFIFO:
      return EntryKind::fifo;
    case S_IFCHR:
      return EntryKind::char_device;
    case S_IFBLK:
      return EntryKind::block_device;
    default:
      return EntryKind::file;
  }
}

class Scanner {
 public:
  Scanner(int tree_dirfd, const ScanOptions& options) : tree_(tree_dirfd), options_(options) {
    struct statfs fs {};
    if (::fstatfs(tree_dirfd, &fs) != 0) throw SysError(errno, "stat the tree's file system");
    on_overlay_ = fs.f_type == OVERLAYFS_SUPER_MAGIC;
  }

  ChangeList run() {
    if (const std::optional<sys::Fd> root = open_subtree()) {
      const struct stat status = sys::fstat(root->get());
      list_.entries.push_back(entry("", EntryKind::directory, status));
      const bool opaque = take_xattrs(root->get(), "", list_.entries.back());
      if (opaque) list_.hides_lower = true;
      if (list_.hides_lower) list_.entries.push_back(mark("", EntryKind::opaque));
      walk(root->get(), "", 1);
      // Making an upperdir makes its root; only a copied-up subtree root says that it changed.
      if (list_.entries.size() == 1 && options_.kind == TreeKind::upper && is_whole_tree())
        list_.entries.clear();
    } else if (list_.hides_lower) {
      list_.entries.push_back(mark("", EntryKind::opaque));
    }
    if (list_.sockets_skipped != 0 && options_.warnings != nullptr)
      options_.warnings->warn({std::to_string(list_.sockets_skipped) +
                                   " socket(s) left out of the layer, such as " +
                                   quoted(first_socket_),
                               "a socket is made anew by whoever listens on it"});
    return std::move(list_);
  }

 private:
  static Entry entry(std::string path, EntryKind kind, const struct stat& status) {
    return {std::move(path), kind, status, {}, {}};
  }
  static Entry mark(std::string path, EntryKind kind) {
    return {std::move(path), kind, {}, {}, {}};
  }

  [[nodiscard]] bool is_whole_tree() const {
    return options_.subtree.find_first_not_of("/.") == std::string::npos;
  }

  // Descends to the layer's root, a component at a time: a whiteout or an opaque directory on the
  // way means that nothing of the parent layers is left below it.
  std::optional<sys::Fd> open_subtree() {
    sys::Fd directory = sys::openat(tree_, ".", O_RDONLY | O_DIRECTORY);
    std::string seen;
    for (const std::string& part : split(options_.subtree, '/')) {
      if (part.empty() || part == ".") continue;
      if (part == "..")
        throw Error("layer root " + quoted(options_.subtree) + " holds '..'", ExitCode::image);
      if (options_.kind == TreeKind::upper && is_opaque(directory.get())) list_.hides_lower = true;
      seen = joined(seen, part);
      const auto status = sys::try_fstatat(directory.get(), part, AT_SYMLINK_NOFOLLOW);
      if (!status) {
        if (options_.kind == TreeKind::upper) return std::nullopt;
        throw Error("the layer's root " + quoted("/" + seen) + " does not exist", ExitCode::image)
            .add_hint("make it in a phase, or correct 'root' in [output]");
      }
      if (options_.kind == TreeKind::upper && is_overlay_whiteout(*status)) {
        list_.hides_lower = true;
        return std::nullopt;
      }
      if (!S_ISDIR(status->st_mode))
        throw Error("the layer's root " + quoted("/" + seen) + " is " +
                        (S_ISLNK(status->st_mode) ? "a symbolic link" : "not a directory"),
                    ExitCode::image)
            .add_hint("name a directory by its real path as 'root' in [output]");
      directory = open_directory(directory.get(), part, *status, seen);
    }
    return directory;
  }

  static bool is_opaque(int dirfd) {
    for (const auto& [name, value] : read_xattrs(dirfd, ""))
      if (name == kOpaqueXattr && value == "y") return true;
    return false;
  }

  static sys::Fd open_directory(int dirfd, const std::string& name, const struct stat& expected,
                                const std::string& path) {
    auto fd = sys::try_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd) throw_changed(path);
    const struct stat opened = sys::fstat(fd->get());
    if (opened.st_ino != expected.st_ino || opened.st_dev != expected.st_dev) throw_changed(path);
    return std::move(*fd);
  }

  // Stores what the image shall hold; returns whether overlayfs calls the directory opaque.
  bool take_xattrs(int dirfd, const std::string& name, Entry& into) {
    bool opaque = false;
    for (auto& [key, value] : read_xattrs(dirfd, name)) {
      const OverlayXattr overlay = classify_overlay_xattr(key);
      if (options_.kind == TreeKind::upper) {
        if (key == kOpaqueXattr && value == "y") opaque = true;
        if (overlay == OverlayXattr::internal) continue;
        if (overlay == OverlayXattr::escaped) key = unescape_overlay_xattr(key);
      } else if (overlay != OverlayXattr::foreign && !on_overlay_) {
        continue;  // a mounted overlay hides its own: what can be seen there is the user's
      }
      if (options_.owners == sys::Owners::recorded && take_record(key, value, into)) continue;
      if (!belongs_in_image(key)) continue;
      if (key.find('=') != std::string::npos)
        throw Error("the attribute " + quoted(key) + " of " + quoted(into.path) +
                        " cannot be written to a tar archive: its name holds '='",
                    ExitCode::image);
      into.xattrs.emplace_back(std::move(key), std::move(value));
    }
    std::sort(into.xattrs.begin(), into.xattrs.end());
    return opaque;
  }

  // What gbox keeps in attributes where the namespace has no ids for it. True when that is all this
  // one means: on a link or a FIFO, 'security.capability' is never a capability.
  static bool take_record(std::string& key, const std::string& value, Entry& into) {
    const mode_t type = into.status.st_mode;
    if (key == sys::owner_xattr(type)) {
      if (const auto owner = sys::decode_owner(type, value)) {
        into.status = sys::with_owner(into.status, *owner);
        into.kind = kind_of(into.status.st_mode);
      }
      return true;
    }
    if (key.starts_with(kKeptAclPrefix))
      key = std::string(kAclPrefix) + key.substr(kKeptAclPrefix.size());
    return false;
  }

  void walk(int dirfd, const std::string& path, unsigned depth) {
    if (depth > kMaxTreeDepth)
      throw Error("directory " + quoted(path) + " is nested more than " +
                      std::to_string(kMaxTreeDepth) + " levels deep",
                  ExitCode::image);
    if (options_.check_interrupt) options_.check_interrupt();
    std::vector<Entry> found;
    for (const std::string& name : sys::list_directory(dirfd, path)) {
      if (options_.leave_out && options_.leave_out(joined(path, name))) continue;
      const auto status = sys::try_fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
      if (!status) throw_changed(joined(path, name));
      // Whiteouts share one inode, and come before everything that could share their names.
      if (const auto kept = classify(dirfd, path, name, *status)) {
        if (kept->kind == EntryKind::whiteout)
          list_.entries.push_back(*kept);
        else
          found.push_back(*kept);
      }
    }
    for (Entry& each : found) add(dirfd, std::move(each), depth);
  }

  std::optional<Entry> classify(int dirfd, const std::string& directory, const std::string& name,
                                const struct stat& status) {
    std::string path = joined(directory, name);
    if (is_reserved_name(name))
      throw Error("file " + quoted("/" + path) +
                      " cannot be part of a layer: names starting '.wh.' mean a deleted file there",
                  ExitCode::image)
          .add_hint("rename or remove it in the phase that makes it");
    if (is_overlay_whiteout(status) &&
        (S_ISCHR(status.st_mode) || options_.kind == TreeKind::upper)) {
      if (options_.kind == TreeKind::upper) return mark(std::move(path), EntryKind::whiteout);
      throw Error("device " + quoted("/" + path) +
                      " has the number 0:0, which readers of the layer take for a deleted file",
                  ExitCode::image);
    }
    if (S_ISSOCK(status.st_mode)) {
      if (list_.sockets_skipped++ == 0) first_socket_ = "/" + path;
      return std::nullopt;
    }
    Entry result = entry(std::move(path), kind_of(status.st_mode), status);
    if (result.kind == EntryKind::symlink) result.target = sys::readlinkat(dirfd, name);
    return result;
  }

  void add(int dirfd, Entry each, unsigned depth) {
    const std::string path = each.path;
    const std::string name = path.substr(path.rfind('/') + 1);
    const bool opaque = take_xattrs(dirfd, name, each);
    if (each.kind == EntryKind::file) {
      // Copy-up breaks links without telling st_nlink: only names that share an inode in this
      // very tree are links of one another. Other kinds are kept apart, because readers take
      // hard links to regular files only.
      const auto [first, is_new] =
          first_names_.try_emplace({each.status.st_dev, each.status.st_ino}, path);
      if (is_new) {
        list_.content_bytes += static_cast<std::uint64_t>(each.status.st_size);
      } else {
        each.kind = EntryKind::hardlink;
        each.target = first->second;
      }
    }
    const EntryKind kind = each.kind;
    const struct stat status = each.status;
    list_.entries.push_back(std::move(each));
    if (kind != EntryKind::directory) return;
    if (opaque) list_.entries.push_back(mark(path, EntryKind::opaque));
    const sys::Fd directory = open_directory(dirfd, name, status, path);
    walk(directory.get(), path, depth + 1);
  }

  int tree_;
  const ScanOptions& options_;
  bool on_overlay_ = false;
  ChangeList list_;
  std::string first_socket_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

}  // namespace

ChangeList scan_tree(int tree_dirfd, const ScanOptions& options) {
  return Scanner(tree_dirfd, options).run();
}

}  // namespace gbox::layer
