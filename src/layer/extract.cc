#include "extract.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/layer/whiteout.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "walk.h"

namespace gbox::layer {

namespace {

// Readable, because opaque marks are set through the descriptor; never through a link.

void hide_what_is_below(int fd, const std::string& path) {
  if (::fsetxattr(fd, std::string(kOpaqueXattr).c_str(), "y", 1, 0) != 0)
    throw SysError(errno, "mark " + quoted(path) + " as opaque");
}

[[noreturn]] void throw_not_a_directory(const struct stat& status, const std::string& path) {
  throw Error("it lies behind " + quoted(path) + ", which is " +
                  (S_ISLNK(status.st_mode) ? "a symbolic link" : "not a directory"),
              ExitCode::input);
}

}  // namespace

Extractor::Extractor(int target_dirfd, ArchiveKind kind, sys::Owners owners)
    : kind_(kind), owners_(owners) {
  open_.push_back({"", sys::openat(target_dirfd, ".", O_RDONLY | O_DIRECTORY)});
}

// Most entries lie beside the one before them: the descriptors on the way down are kept.
int Extractor::enter(const std::string& directory, const Metadata& metadata) {
  const auto is_inside = [&](const std::string& outer) {
    return outer.empty() || directory == outer ||
           (directory.size() > outer.size() && directory[outer.size()] == '/' &&
            directory.starts_with(outer));
  };
  while (!is_inside(open_.back().path)) open_.pop_back();
  while (open_.back().path.size() < directory.size()) {
    const std::size_t start = open_.back().path.empty() ? 0 : open_.back().path.size() + 1;
    const std::size_t end = std::min(directory.find('/', start), directory.size());
    const std::string path = directory.substr(0, end);
    open_.push_back({path, open_or_make(open_.back().fd.get(), directory.substr(start, end - start),
                                        path, metadata)});
  }
  return open_.back().fd.get();
}

Extractor::Place Extractor::place(const std::string& path, const Metadata& metadata) {
  if (path.empty()) throw Error("the archive's root must be a directory", ExitCode::input);
  auto [parent, name] = sys::split_last(path);
  return {enter(parent, metadata), std::move(name)};
}

sys::Fd Extractor::open_or_make(int dirfd, const std::string& name, const std::string& path,
                                const Metadata& metadata) {
  if (auto found = sys::try_openat(dirfd, name, kDirectoryFlags)) return std::move(*found);
  const auto status = sys::try_fstatat(dirfd, name, AT_SYMLINK_NOFOLLOW);
  const bool was_whiteout =
      status && kind_ == ArchiveKind::oci_layer && is_overlay_whiteout(*status);
  if (status && !was_whiteout) throw_not_a_directory(*status, path);
  if (was_whiteout) sys::unlinkat(dirfd, name, 0);
  Metadata implied;
  implied.uid = ::geteuid();
  implied.gid = ::getegid();
  implied.mtime = metadata.mtime;
  make(dirfd, name, path, implied);
  sys::Fd made = sys::openat(dirfd, name, kDirectoryFlags);
  // The whiteout hid what the layers below have here; the directory in its place must, too.
  if (was_whiteout) hide_what_is_below(made.get(), path);
  return made;
}

// Open to nobody else until finish() gives it its own mode.
void Extractor::make(int dirfd, const std::string& name, const std::string& path,
                     const Metadata& metadata) {
  if (::mkdirat(dirfd, name.c_str(), 0700) != 0)
    throw SysError(errno, "make directory " + quoted(path));
  directories_[path] = metadata;
}

Extractor::Removed Extractor::remove_existing(const Place& at, const std::string& path) {
  const auto status = sys::try_fstatat(at.dirfd, at.name, AT_SYMLINK_NOFOLLOW);
  if (!status) return Removed::nothing;
  // Unlinked, never truncated: the old inode may have other names.
  sys::remove_tree(at.dirfd, at.name);
  directories_.erase(path);
  const std::string inside = path + '/';
  for (auto it = directories_.lower_bound(inside);
       it != directories_.end() && it->first.starts_with(inside);)
    it = directories_.erase(it);
  return kind_ == ArchiveKind::oci_layer && is_overlay_whiteout(*status) ? Removed::whiteout
                                                                         : Removed::entry;
}

void Extractor::directory(const std::string& path, const Metadata& metadata) {
  if (!path.empty()) {
    const Place at = place(path, metadata);
    const auto status = sys::try_fstatat(at.dirfd, at.name, AT_SYMLINK_NOFOLLOW);
    if (!status || !S_ISDIR(status->st_mode)) {
      const Removed removed = status ? remove_existing(at, path) : Removed::nothing;
      make(at.dirfd, at.name, path, metadata);
      if (removed == Removed::whiteout)
        hide_what_is_below(sys::openat(at.dirfd, at.name, kDirectoryFlags).get(), path);
    }
  }
  directories_[path] = metadata;
}

sys::Fd Extractor::file(const std::string& path, const Metadata& metadata) {
  const Place at = place(path, metadata);
  for (;;) {
    const int fd = ::openat(at.dirfd, at.name.c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) return sys::Fd(fd);
    if (errno == EINTR) continue;
    if (errno != EEXIST || remove_existing(at, path) == Removed::nothing)
      throw SysError(errno, "make file " + quoted(path));
  }
}

void Extractor::symlink(const std::string& path, const std::string& target,
                        const Metadata& metadata) {
  const Place at = place(path, metadata);
  (void)remove_existing(at, path);  // what was there does not matter: a link hides all below it
  if (::symlinkat(target.c_str(), at.dirfd, at.name.c_str()) != 0)
    throw SysError(errno, "make symbolic link " + quoted(path));
  apply_link_metadata(at.dirfd, at.name, metadata, path, owners_);
}

void Extractor::hardlink(const std::string& path, const std::string& target,
                         const Metadata& metadata) {
  const auto [target_parent, target_name] = sys::split_last(target);
  const auto refuse = [&](const std::string& reason) {
    throw Error("it is a hard link to " + quoted(target) + ", which " + reason, ExitCode::input);
  };
  std::optional<sys::Fd> from;
  try {
    from = target_parent.empty()
               ? sys::dup(open_.front().fd.get())
               : sys::try_open_beneath(open_.front().fd.get(), target_parent, O_PATH | O_DIRECTORY,
                                       sys::Resolve::no_symlinks);
  } catch (const SysError&) {
    throw;
  } catch (const Error&) {
    refuse("lies behind a symbolic link");
  }
  const auto status =
      from ? sys::try_fstatat(from->get(), target_name, AT_SYMLINK_NOFOLLOW) : std::nullopt;
  if (!status) refuse("is not in this archive before it");
  if (!S_ISREG(status->st_mode)) refuse("is not a regular file");
  if (path == target) return;  // linked to itself: there already
  const Place at = place(path, metadata);
  (void)remove_existing(at, path);
  sys::linkat(from->get(), target_name, at.dirfd, at.name);
}

void Extractor::fifo(const std::string& path, const Metadata& metadata) {
  const Place at = place(path, metadata);
  (void)remove_existing(at, path);
  if (::mkfifoat(at.dirfd, at.name.c_str(), 0600) != 0)
    throw SysError(errno, "make FIFO " + quoted(path));
  // O_NONBLOCK: a reader alone does not wait for a writer.
  const sys::Fd fd = sys::openat(at.dirfd, at.name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  apply_metadata(fd.get(), metadata, path, owners_);
}

void Extractor::whiteout(const std::string& path, const Metadata& metadata) {
  const Place at = place(path, metadata);
  const auto status = sys::try_fstatat(at.dirfd, at.name, AT_SYMLINK_NOFOLLOW);
  if (!status) {
    make_whiteout(at.dirfd, at.name);
  } else if (S_ISDIR(status->st_mode)) {
    // image-spec, "Whiteouts": only layers below are concerned, in whatever order entries come.
    hide_what_is_below(sys::openat(at.dirfd, at.name, kDirectoryFlags).get(), path);
  }
}

void Extractor::opaque(const std::string& path, const Metadata& metadata) {
  // For the root this is a note to the caller: overlayfs does not look at its layers' roots.
  hide_what_is_below(enter(path, metadata), path);
}

void Extractor::finish() {
  const int root = open_.front().fd.get();
  // Backwards: what lies inside comes before what it lies in, which then may become read-only.
  for (auto it = directories_.rbegin(); it != directories_.rend(); ++it) {
    const auto& [path, metadata] = *it;
    const sys::Fd fd = path.empty() ? sys::dup(root)
                                    : sys::open_beneath(root, path, O_RDONLY | O_DIRECTORY,
                                                        sys::Resolve::no_symlinks);
    apply_metadata(fd.get(), metadata, path.empty() ? std::string("/") : path, owners_);
  }
  directories_.clear();
}

}  // namespace gbox::layer
