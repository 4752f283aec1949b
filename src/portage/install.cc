// Putting configuration files into a root file system, beside what the base brings.
#include <sys/stat.h>

#include <span>

#include "gbox/base/text.h"
#include "gbox/portage/config.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"

namespace gbox::portage {

namespace {

constexpr std::string_view kBaseFile = "00-base";
constexpr std::string_view kCopiedFile = "60-config_dir";
constexpr unsigned kMaxConfigDepth = 32;           // directories within a config_dir
constexpr std::size_t kMaxEntries = 10000;         // files in a config_dir
constexpr std::uint64_t kMaxFileBytes = 4u << 20;  // one of them

// The whole of an open regular file.
std::string read_open(int fd, const std::string& path) {
  std::string content(kMaxFileBytes + 1, '\0');
  content.resize(sys::read_full(fd, std::as_writable_bytes(std::span(content)), path));
  if (content.size() > kMaxFileBytes)
    throw Error("read " + quoted(path) + ": larger than " + human_size(kMaxFileBytes),
                ExitCode::input);
  return content;
}

// Whether `path` is a directory, also one behind a link that stays in the root.
bool is_directory(int rootfd, const std::string& path) {
  return sys::try_open_beneath(rootfd, path, O_PATH | O_DIRECTORY, sys::Resolve::in_root)
      .has_value();
}

// The directory `path` (relative to the root), made where missing. Portage reads each of its
// configuration files as a directory too: a file in the way becomes 00-base in the directory that
// takes its place, so that what it says still holds.
sys::Fd ensure_config_directory(int rootfd, const std::string& path) {
  if (is_directory(rootfd, path)) return sys::ensure_directories_in_root(rootfd, path);
  const auto [parent_path, name] = sys::split_last(path);
  const sys::Fd parent = parent_path.empty() || parent_path == kConfigDirectory
                             ? sys::ensure_directories_in_root(rootfd, parent_path)
                             : ensure_config_directory(rootfd, parent_path);
  const auto status = sys::try_fstatat(parent.get(), name, AT_SYMLINK_NOFOLLOW);
  std::optional<std::string> content;
  if (status) {
    // What the name stands for after links are followed within the root; a dangling link or
    // another kind of file says nothing to Portage and gives way.
    if (const auto file = sys::try_open_beneath(rootfd, path, O_PATH, sys::Resolve::in_root);
        file && S_ISREG(sys::fstat(file->get()).st_mode)) {
      const sys::Fd readable =
          sys::open_beneath(rootfd, path, O_RDONLY | O_NONBLOCK, sys::Resolve::in_root);
      content = read_open(readable.get(), path);
    }
    sys::unlinkat(parent.get(), name, 0);
  }
  sys::mkdirat(parent.get(), name, 0755);
  sys::Fd directory =
      sys::open_beneath(parent.get(), name, O_PATH | O_DIRECTORY, sys::Resolve::no_symlinks);
  if (content)
    sys::write_file_atomically(directory.get(), std::string(kBaseFile), *content, 0644,
                               sys::Durable::no);
  return directory;
}

void write_link(int dirfd, const std::string& name, const std::string& target) {
  const auto status = sys::try_fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
  if (status && S_ISLNK(status->st_mode) && sys::readlinkat(dirfd, name) == target) return;
  if (status) sys::remove_tree(dirfd, name);  // make.profile may be a directory
  sys::symlinkat(target, dirfd, name);
}

// Copies one directory level and what is below it.
class ConfigDirCopy {
 public:
  ConfigDirCopy(int rootfd, const std::vector<ConfigFile>& files)
      : rootfd_(rootfd), files_(files) {}

  void directory(int source, const std::string& below, unsigned depth) {
    if (depth > kMaxConfigDepth)
      throw Error(
          "'config_dir' nests deeper than " + std::to_string(kMaxConfigDepth) + " directories",
          ExitCode::input);
    for (const std::string& name : sys::list_directory(source, below)) {
      if (++entries_ > kMaxEntries)
        throw Error("'config_dir' holds more than " + std::to_string(kMaxEntries) + " files",
                    ExitCode::input);
      entry(source, below.empty() ? name : below + '/' + name, name, depth);
    }
  }

 private:
  void entry(int source, const std::string& below, const std::string& name, unsigned depth) {
    const struct stat status = sys::fstatat(source, name, AT_SYMLINK_NOFOLLOW);
    const std::string target = std::string(kConfigDirectory) + '/' + below;
    if (S_ISDIR(status.st_mode)) {
      const sys::Fd child = sys::openat(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      refuse_own(target, below);
      (void)ensure_config_directory(rootfd_, target);  // empty directories are copied too
      directory(child.get(), below, depth + 1);
      return;
    }
    if (S_ISREG(status.st_mode)) {
      const sys::Fd file = sys::openat(source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const std::string content = read_open(file.get(), below);
      // Only the executable bit is the file's own; the rest is the checkout's umask.
      place(target, below, content, (status.st_mode & 0111) != 0 ? 0755 : 0644);
      return;
    }
    if (S_ISLNK(status.st_mode)) {
      refuse_own(target, below);
      const auto [parent, last] = sys::split_last(target);
      const sys::Fd directory = ensure_config_directory(rootfd_, parent);
      write_link(directory.get(), last, sys::readlinkat(source, name));
      return;
    }
    throw Error("'config_dir' holds " + quoted(below) + ", which is no file, directory or link",
                ExitCode::input);
  }

  void place(std::string target, const std::string& below, const std::string& content,
             mode_t mode) {
    if (is_directory(rootfd_, target)) {
      target += '/';
      target += kCopiedFile;
    }
    refuse_own(target, below);
    const auto [parent, last] = sys::split_last(target);
    const sys::Fd directory = ensure_config_directory(rootfd_, parent);
    sys::write_file_atomically(directory.get(), last, content, mode, sys::Durable::no);
  }

  void refuse_own(const std::string& target, const std::string& below) const {
    for (const ConfigFile& file : files_) {
      if (file.path != target) continue;
      Error error("'config_dir' holds " + quoted(below) + ", which gbox writes from the spec",
                  ExitCode::input);
      error.set_hint("rename it, or leave the matching key of [portage] out");
      throw error;
    }
  }

  int rootfd_;
  const std::vector<ConfigFile>& files_;
  std::size_t entries_ = 0;
};

}  // namespace

void write_config(int rootfd, const std::vector<ConfigFile>& files) {
  for (const ConfigFile& file : files)
    with_context("write '/" + printable(file.path) + '\'', [&] {
      const auto [parent, name] = sys::split_last(file.path);
      const sys::Fd directory = ensure_config_directory(rootfd, parent);
      if (file.kind == ConfigFile::Kind::symlink) {
        write_link(directory.get(), name, file.content);
      } else {
        // Not again when it says the same: a write would copy it up into every snapshot.
        const auto old = sys::try_fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW);
        if (old && S_ISREG(old->st_mode) && (old->st_mode & 07777) == 0644 &&
            sys::try_read_file(directory.get(), name) == file.content)
          return;
        if (old && S_ISDIR(old->st_mode)) sys::remove_tree(directory.get(), name);
        sys::write_file_atomically(directory.get(), name, file.content, 0644, sys::Durable::no);
      }
    });
}

void copy_config_dir(int config_dirfd, int rootfd, const std::vector<ConfigFile>& files) {
  (void)sys::ensure_directories_in_root(rootfd, std::string(kConfigDirectory));
  ConfigDirCopy(rootfd, files).directory(config_dirfd, "", 0);
}

}  // namespace gbox::portage
