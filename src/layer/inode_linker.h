// One more name for an inode of an immutable tree; where the file system allows no more of them, a
// copy that nobody can tell from it. Used by flatten.cc.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace gbox::layer {

class InodeLinker {
 public:
  // `root` is borrowed: the top of the tree that the names go to.
  explicit InodeLinker(int root) : root_(root) {}

  enum class Outcome {
    linked,
    copied,  // the inode has as many names as it can have (ext4: 65000), or must have no other
    exists,  // something of this name is there already, and stays
  };
  // Makes `name` in `to_dirfd` what `name` in `from_dirfd` is: any type but a directory, with
  // `status` of lstat. `path_of_name` gives its path from the root; it is asked rarely.
  Outcome put(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
              const std::function<std::string()>& path_of_name);

 private:
  Outcome copy(int from_dirfd, const std::string& name, const struct stat& status, int to_dirfd,
               const std::function<std::string()>& path_of_name);
  bool link_to_copy(const std::string& copy, int to_dirfd, const std::string& name) const;

  int root_;
  // Inodes that were copied, and where the latest copy of each is: names that were
  // links of each other stay so.
  std::map<std::pair<dev_t, ino_t>, std::string> copies_;
};

}  // namespace gbox::layer
