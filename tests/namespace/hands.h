// Trees that change at random, the same way for the same seed, and all that can be seen of a tree.
#pragma once

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/text.h"
#include "gbox/layer/flatten.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/mount.h"
#include "xattr.h"

namespace gbox::layer::test {

// Does things to a mounted tree, at places that earlier ones have touched more often than not.
// What fails (an unlink of nothing, a directory renamed into itself) is part of the game.
class Hands {
 public:
  Hands(int root, std::mt19937& random)
      : top_("/proc/self/fd/" + std::to_string(root) + "/."), random_(random) {}

  void act() {
    const std::string path = place();
    switch (roll(14)) {
      case 0:
      case 1:
        write(path, O_TRUNC);
        break;
      case 2:
        write(path, O_APPEND);
        break;
      case 3:
      case 4:
      case 5:
        if (::mkdir(path.c_str(), 0755) == 0 && roll(4) == 0) note(path, "user.made");
        break;
      case 6:  // whole trees seldom, or nothing would grow
        if (::unlink(path.c_str()) != 0 && roll(5) == 0) remove(path);
        break;
      case 7:
      case 8:
        (void)::rename(path.c_str(), place().c_str());
        break;
      case 9:
        (void)::link(path.c_str(), place().c_str());
        break;
      case 10:
        if (roll(2) == 0)
          (void)::symlink(("to-" + std::to_string(roll(5))).c_str(), path.c_str());
        else
          (void)::mkfifo(path.c_str(), 0640);
        break;
      case 11:
        remake(path);
        break;
      case 12:
        note(path, roll(3) == 0 ? "user.overlay.opaque" : "user.note");
        break;
      default:
        change_inode(path);
    }
  }

 private:
  unsigned roll(unsigned sides) { return static_cast<unsigned>(random_() % sides); }

  // In an existing directory, mostly not the topmost.
  std::string place() {
    std::string path = top_;
    for (int depth = 0; depth < 5; ++depth) {
      path += std::string("/") + "abcdef"[roll(6)];
      struct stat status {};
      const bool ends = ::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode);
      if (ends || roll(4) == 0) break;
    }
    return path;
  }

  void write(const std::string& path, int flag) {
    const sys::Fd fd(::open(path.c_str(),
                            O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flag, 0644));
    if (fd) sys::write_all(fd.get(), "written " + std::to_string(random_()) + '\n', path);
  }

  static void remove(const std::string& path) {
    try {
      sys::remove_tree(AT_FDCWD, path);
    } catch (const SysError& error) {
      if (error.error_number() != ENOTDIR) throw;  // a way that leads through a file
    }
  }

  // Something of another kind in its place.
  void remake(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && roll(3) != 0) return;
    remove(path);
    if (roll(2) == 0)
      write(path, 0);
    else
      (void)::mkdir(path.c_str(), 0711);
  }

  void note(const std::string& path, const char* name) {
    const char value = roll(2) == 0 ? 'y' : 'n';
    (void)::lsetxattr(path.c_str(), name, &value, 1, 0);
  }

  void change_inode(const std::string& path) {
    const timespec times[2] = {{1, 0}, {1000000000 + roll(1000), static_cast<long>(roll(1000))}};
    switch (roll(4)) {
      case 0:
        (void)::fchmodat(AT_FDCWD, path.c_str(), roll(010000), 0);
        break;
      case 1:
        (void)::lchown(path.c_str(), roll(300), roll(300));
        break;
      case 2:
        (void)::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
        break;
      default:  // a default ACL: user::rwx, user:12:rwx, group::r-x, mask::rwx, other::r-x
        (void)::setxattr(path.c_str(), "system.posix_acl_default",
                         "\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x07\0\x0c\0\0\0\x04\0\x05\0"
                         "\xff\xff\xff\xff"
                         "\x10\0\x07\0\xff\xff\xff\xff\x20\0\x05\0\xff\xff\xff\xff",
                         44, 0);
    }
  }

  std::string top_;
  std::mt19937& random_;
};

// All that a step could see of a tree, a line an entry.
class Description {
 public:
  static std::string of(int root) {
    Description description;
    description.add(root, "", "");
    return description.text_;
  }

 private:
  void add(int dirfd, const std::string& name, const std::string& path) {
    const std::string here = name.empty() ? "." : name;
    const struct stat status = sys::fstatat(dirfd, here, AT_SYMLINK_NOFOLLOW);
    text_ += path + " mode " + std::to_string(status.st_mode) + " owner " +
             std::to_string(status.st_uid) + ':' + std::to_string(status.st_gid) + " time " +
             std::to_string(status.st_mtim.tv_sec) + '.' + std::to_string(status.st_mtim.tv_nsec);
    for (const auto& [key, value] : read_xattrs(dirfd, name))
      text_ += ' ' + key + '=' + sha256(value).hex().substr(0, 8);
    if (S_ISDIR(status.st_mode)) {
      text_ += '\n';
      const sys::Fd directory = sys::openat(dirfd, here, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      for (const std::string& each : sys::list_directory(directory.get(), path))
        add(directory.get(), each, path + '/' + each);
      return;
    }
    if (S_ISREG(status.st_mode)) text_ += " content " + quoted(sys::read_file(dirfd, here));
    if (S_ISLNK(status.st_mode)) text_ += " target " + sys::readlinkat(dirfd, here);
    const std::string& first = inodes_.try_emplace(status.st_ino, path).first->second;
    text_ += first == path ? "\n" : " link of " + first + '\n';
  }

  std::string text_;
  std::map<ino_t, std::string> inodes_;
};

class Chain {
 public:
  // On a tmpfs where it keeps user.* attributes (Linux 6.6): taking an overlay down syncs its
  // upper's file system, which takes longer than everything else here.
  Chain() : root_(sys::openat(dir_.fd(), ".", O_RDONLY | O_DIRECTORY)) {
    const sys::Fd tmpfs = sys::new_mount("tmpfs", {}, 0);
    if (::fsetxattr(sys::openat(tmpfs.get(), ".", O_RDONLY).get(), "user.test", "", 0, 0) != 0)
      return;
    sys::move_mount(tmpfs.get(), root_.get(), "test directory");
    root_ = sys::open(dir_.path(), O_RDONLY | O_DIRECTORY);
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain() { (void)::umount2(dir_.path().c_str(), MNT_DETACH); }

  sys::Fd make(const std::string& name) {
    sys::mkdirat(root_.get(), name, 0755);
    return open(name);
  }
  [[nodiscard]] sys::Fd open(const std::string& name) const {
    return sys::openat(root_.get(), name, O_RDONLY | O_DIRECTORY);
  }
  // A writable view of these layers, topmost first, whose upper is `upper`.
  sys::Fd mount(const std::vector<std::string>& lowers, const std::string& upper) {
    sys::remove_tree(root_.get(), "work");
    sys::mkdirat(root_.get(), "work", 0700);
    return sys::mount_overlay({root_.get(), lowers, upper, "work"});
  }
  [[nodiscard]] sys::Fd view(const std::vector<std::string>& layers) const {
    return sys::mount_layers_read_only(root_.get(), layers);
  }
  [[nodiscard]] std::string description(const std::vector<std::string>& layers) const {
    const sys::Fd mounted = view(layers);
    return Description::of(sys::openat(mounted.get(), ".", O_RDONLY | O_DIRECTORY).get());
  }
  // Merges layers, lowest first, over `below` (topmost first; may be empty) into a new one.
  FlattenSummary merge(const std::vector<std::string>& names, const std::vector<std::string>& below,
                       const std::string& into) {
    std::vector<sys::Fd> layers;
    std::vector<int> fds;
    for (const std::string& name : names) fds.push_back(layers.emplace_back(open(name)).get());
    const sys::Fd seen = below.empty() ? sys::Fd() : view(below);
    const sys::Fd target = make(into);
    return flatten(fds, target.get(), seen.get());
  }

 private:
  sys::TempDir dir_{"/var/tmp", "gbox-test-"};
  sys::Fd root_;
};

inline std::vector<std::string> reversed(std::vector<std::string> names) {
  std::reverse(names.begin(), names.end());
  return names;
}

inline std::vector<std::string> operator+(std::vector<std::string> a,
                                          const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace gbox::layer::test
