#include "targets.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/sandbox/sandbox.h"
#include "gbox/sys/beneath.h"

namespace gbox::sandbox {

namespace {

// The last `count` components of a directory's path and all above them, as the root itself names
// them: `fd` was reached through links perhaps, and only the real names lie in the upperdir.
void note_made(std::vector<std::string>& made, int fd, std::size_t count) {
  const std::string path =
      sys::normalized_relative(sys::readlinkat(AT_FDCWD, "/proc/self/fd/" + std::to_string(fd)));
  const std::vector<std::string> parts = split(path, '/');
  for (std::size_t size = parts.size() - std::min(count, parts.size()) + 1; size <= parts.size();
       ++size)
    made.push_back(join({parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(size)}, "/"));
}

sys::Fd ensure_directory(int root, const std::string& path, std::vector<std::string>& made) {
  std::string first;
  sys::Fd fd = sys::ensure_directories_in_root(root, path, 0755, &first);
  // Whatever lies below the first one made is new as well.
  if (!first.empty())
    note_made(made, fd.get(),
              1 + static_cast<std::size_t>(std::count(
                      path.begin() + static_cast<std::ptrdiff_t>(first.size()), path.end(), '/')));
  return fd;
}

void ensure_file(int root, const std::string& path, std::vector<std::string>& made) {
  // A link will do, wherever it leads: if nowhere, the mount covers the link itself.
  if (sys::try_open_beneath(root, path, O_PATH | O_NOFOLLOW, sys::Resolve::in_root)) return;
  const auto [parent, name] = sys::split_last(path);
  const sys::Fd directory = ensure_directory(root, parent, made);
  (void)sys::openat(directory.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  const sys::Fd file = sys::openat(directory.get(), name, O_PATH | O_NOFOLLOW);
  note_made(made, file.get(), 1);
}

bool is_real_directory(int root, const std::string& path) {
  try {
    return sys::try_open_beneath(root, path, O_PATH | O_DIRECTORY, sys::Resolve::no_symlinks)
        .has_value();
  } catch (const Error&) {
    return false;  // a link
  }
}

}  // namespace

std::vector<std::string> own_targets() {
  return {"/proc", "/sys", "/dev"};
}

void require_own_targets(int root_fd) {
  for (const std::string& target : own_targets())
    if (!is_real_directory(root_fd, sys::normalized_relative(target)))
      throw Error("enter sandbox: " + quoted(target) + " of the base is not a directory",
                  ExitCode::input)
          .set_hint("use another base");
}

std::vector<std::string> ensure_targets(const Settings& settings) {
  const int root = settings.root.get();
  std::vector<std::string> made;
  for (const std::string& target : own_targets()) {
    const std::string path = sys::normalized_relative(target);
    if (!sys::try_fstatat(root, path, AT_SYMLINK_NOFOLLOW))
      (void)ensure_directory(root, path, made);
  }
  require_own_targets(root);
  std::vector<std::pair<std::string, int>> earlier;  // directories, as "path/", and their mounts
  for (const Mount& mount : settings.mounts) {
    const std::string target = sys::normalized_relative(mount.target);
    std::string path = target;
    // What lies in an earlier mount is looked for there, and made there.
    int base = root;
    std::vector<std::string> elsewhere;
    for (const auto& [outer, tree] : earlier) {
      if (!target.starts_with(outer)) continue;
      base = tree;
      path = target.substr(outer.size());
    }
    try {
      if (mount.kind == Mount::Kind::directory)
        (void)ensure_directory(base, path, base == root ? made : elsewhere);
      else
        ensure_file(base, path, base == root ? made : elsewhere);
    } catch (Error& error) {
      throw error.add_context("make mount point " + quoted(mount.target));
    }
    if (mount.kind == Mount::Kind::directory) earlier.emplace_back(target + '/', mount.tree.get());
  }
  return made;
}

}  // namespace gbox::sandbox
