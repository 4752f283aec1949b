#include "files.h"

#include <fnmatch.h>
#include <sys/sendfile.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "accounts.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/owner.h"

namespace gbox::build {

namespace {

// 1980-01-01, the oldest date that every archive format can hold.
constexpr timespec kCopyTime = {315532800, 0};

enum class Times { fixed, kept };

// One copy in progress: where names are not repeated in every call.
class Copier {
 public:
  Copier(Account owner, std::optional<std::uint32_t> mode, Times times = Times::fixed)
      : owner_(owner), mode_(mode), times_(times) {}

  void copy(int from_dirfd, const std::string& from, int to_dirfd, const std::string& to) {
    sys::check_interrupt();
    const struct stat status = sys::fstatat(from_dirfd, from, AT_SYMLINK_NOFOLLOW);
    if (S_ISDIR(status.st_mode)) return copy_directory(from_dirfd, from, status, to_dirfd, to);
    // Never written through: what is there (a link, a hard link of a lower layer) is replaced.
    sys::remove_tree(to_dirfd, to);
    if (S_ISLNK(status.st_mode)) {
      sys::symlinkat(sys::readlinkat(from_dirfd, from), to_dirfd, to);
      sys::give_at(owners_, to_dirfd, to, owner_.uid, owner_.gid, to);
    } else if (S_ISREG(status.st_mode)) {
      copy_file(from_dirfd, from, to_dirfd, to, (status.st_mode & 0111) != 0);
    } else {
      throw Error("copy " + quoted(from) + ": neither file, directory nor symbolic link",
                  ExitCode::input);
    }
    set_time(to_dirfd, to, status);
  }

 private:
  void copy_directory(int from_dirfd, const std::string& from, const struct stat& status,
                      int to_dirfd, const std::string& to) {
    const sys::Fd source = sys::openat(from_dirfd, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const auto existing = sys::try_fstatat(to_dirfd, to, AT_SYMLINK_NOFOLLOW);
    if (existing && !S_ISDIR(existing->st_mode)) sys::remove_tree(to_dirfd, to);
    const bool fresh = !existing || !S_ISDIR(existing->st_mode);
    if (fresh) sys::mkdirat(to_dirfd, to, 0755);
    const sys::Fd target = sys::openat(to_dirfd, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (const std::string& name : sys::list_directory(source.get(), from))
      copy(source.get(), name, target.get(), name);
    if (!fresh) return;
    sys::give(owners_, target.get(), owner_.uid, owner_.gid, to);
    set_time(to_dirfd, to, status);
  }

  void copy_file(int from_dirfd, const std::string& from, int to_dirfd, const std::string& to,
                 bool executable) {
    const sys::Fd source = sys::openat(from_dirfd, from, O_RDONLY | O_NOFOLLOW);
    const sys::Fd target = sys::openat(to_dirfd, to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    for (;;) {
      const ssize_t count = ::sendfile(target.get(), source.get(), nullptr, 16u << 20);
      if (count < 0) throw SysError(errno, "copy " + quoted(from));
      if (count == 0) break;
      sys::check_interrupt();
    }
    sys::give(owners_, target.get(), owner_.uid, owner_.gid, to);
    // After chown, which clears setuid.
    if (::fchmod(target.get(), mode_.value_or(executable ? 0755 : 0644)) != 0)
      throw SysError(errno, "chmod " + quoted(to));
  }

  void set_time(int dirfd, const std::string& name, const struct stat& source) {
    const timespec time = times_ == Times::kept ? source.st_mtim : kCopyTime;
    const timespec times[2] = {time, time};
    if (::utimensat(dirfd, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      throw SysError(errno, "set the time of " + quoted(name));
  }

  Account owner_;
  std::optional<std::uint32_t> mode_;
  Times times_;
  sys::Owners owners_ = sys::owners();
};

bool has_wildcard(const std::string& component) {
  return component.find_first_of("*?[") != std::string::npos;
}

}  // namespace

void copy_into(int rootfd, const std::string& root, const spec::Copy& copy,
               const std::string& from) {
  const sys::Fd base = sys::ensure_directories_in_root(rootfd, root);
  const sys::Fd base_dir = sys::openat(base.get(), ".", O_RDONLY | O_DIRECTORY);
  const std::string target = sys::normalized_relative(copy.to);
  auto [parent, name] = sys::split_last(target);
  const std::string source_name = sys::split_last(from).second;
  // 'into' a directory: named by a trailing slash, or because one is there already.
  const auto existing = target.empty()
                            ? std::optional<sys::Fd>()
                            : sys::try_open_beneath(base_dir.get(), target, O_PATH | O_DIRECTORY,
                                                    sys::Resolve::in_root);
  const bool source_is_directory = S_ISDIR(sys::fstatat(AT_FDCWD, from, 0).st_mode);
  if (!source_is_directory && (target.empty() || copy.to.ends_with('/') || existing)) {
    parent = target;
    name = source_name;
  }
  // A link given by name is followed, as the spec means what it points to; links inside are kept.
  const std::string real = source_is_directory ? from + "/." : from;
  Copier copier(find_account(base_dir.get(), copy.owner), copy.mode);
  if (source_is_directory) {
    const sys::Fd into = sys::ensure_directories_in_root(base_dir.get(), target);
    const sys::Fd into_dir = sys::openat(into.get(), ".", O_RDONLY | O_DIRECTORY);
    const sys::Fd source = sys::open(real, O_RDONLY | O_DIRECTORY);
    for (const std::string& entry : sys::list_directory(source.get(), from))
      copier.copy(source.get(), entry, into_dir.get(), entry);
    return;
  }
  const sys::Fd into = sys::ensure_directories_in_root(base_dir.get(), parent);
  const sys::Fd into_dir = sys::openat(into.get(), ".", O_RDONLY | O_DIRECTORY);
  const sys::Fd source = sys::open(from, O_RDONLY);
  const std::string open_source = "/proc/self/fd/" + std::to_string(source.get());
  // Through the opened file: O_NOFOLLOW below would refuse a link that was given by name.
  const std::string resolved = sys::readlinkat(AT_FDCWD, open_source);
  const auto [directory, file] = sys::split_last(resolved);
  const sys::Fd source_dir = sys::open(directory.empty() ? "/" : directory, O_PATH | O_DIRECTORY);
  copier.copy(source_dir.get(), file, into_dir.get(), name);
}

void copy_readable(int from, int to, bool (*leave_out)(std::string_view name)) {
  Copier copier(Account{}, std::nullopt, Times::kept);
  for (const std::string& name : sys::list_directory(from, "."))
    if (!leave_out(name)) copier.copy(from, name, to, name);
}

Removed remove_matching(int rootfd, const std::string& root, const std::string& pattern) {
  const auto base = sys::try_open_beneath(
      rootfd, sys::normalized_relative(root).empty() ? "." : sys::normalized_relative(root),
      O_RDONLY | O_DIRECTORY, sys::Resolve::in_root);
  if (!base) return {};
  const std::vector<std::string> components = split(sys::normalized_relative(pattern), '/');
  std::vector<std::string> parents = {"."};
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    std::vector<std::string> next;
    for (const std::string& parent : parents) {
      if (!has_wildcard(components[i])) {
        next.push_back(parent + '/' + components[i]);
        continue;
      }
      const auto directory =
          sys::try_open_beneath(base->get(), parent, O_RDONLY | O_DIRECTORY, sys::Resolve::in_root);
      if (!directory) continue;
      for (const std::string& name : sys::list_directory(directory->get(), parent))
        if (::fnmatch(components[i].c_str(), name.c_str(), FNM_PERIOD) == 0)
          next.push_back(parent + '/' + name);
    }
    parents = std::move(next);
  }
  Removed removed;
  for (const std::string& parent : parents) {
    sys::check_interrupt();
    const auto directory =
        sys::try_open_beneath(base->get(), parent, O_RDONLY | O_DIRECTORY, sys::Resolve::in_root);
    if (!directory) continue;
    for (const std::string& name : sys::list_directory(directory->get(), parent)) {
      if (::fnmatch(components.back().c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
      remove_entry(directory->get(), name, removed);
    }
  }
  return removed;
}

}  // namespace gbox::build
