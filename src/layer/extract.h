// Places entries below a target directory. Paths come checked (entry_rules.h); every step from one
// directory to the next is an open of a single name with O_NOFOLLOW, so that no link, whether
// planted by the archive or there before, is ever passed. A link on the way is an error: real
// stage3s and layers name real directories, and the places where following would be harmless
// cannot be told from those where it would not. Used by unpack.cc.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gbox/layer/unpack.h"
#include "gbox/sys/fd.h"
#include "metadata.h"

namespace gbox::layer {

class Extractor {
 public:
  // `target_dirfd` is borrowed.
  Extractor(int target_dirfd, ArchiveKind kind, sys::Owners owners);

  // Each replaces what an earlier entry put at `path`; a directory keeps what it holds. Missing
  // parents are made, mode 0755, with the owner of this process and the entry's time.
  void directory(const std::string& path, const Metadata& metadata);
  // The new file, to be filled; then finish_file().
  sys::Fd file(const std::string& path, const Metadata& metadata);
  void finish_file(const sys::Fd& file, const std::string& path, const Metadata& metadata) const {
    apply_metadata(file.get(), metadata, path, owners_);
  }
  void symlink(const std::string& path, const std::string& target, const Metadata& metadata);
  // `target` (a checked path) must be a regular file that the archive put there.
  void hardlink(const std::string& path, const std::string& target, const Metadata& metadata);
  void fifo(const std::string& path, const Metadata& metadata);

  // OCI: what the layers below have at `path` is gone; what this layer has there stays.
  void whiteout(const std::string& path, const Metadata& metadata);
  // OCI: what the layers below have in the directory `path` is gone.
  void opaque(const std::string& path, const Metadata& metadata);

  // Directories get their owners, modes and times once nothing more is put into them.
  void finish();

 private:
  struct OpenDirectory {
    std::string path;
    sys::Fd fd;
  };
  // `path`'s parent, open, and its last component.
  struct Place {
    int dirfd;
    std::string name;
  };
  Place place(const std::string& path, const Metadata& metadata);
  int enter(const std::string& directory, const Metadata& metadata);
  sys::Fd open_or_make(int dirfd, const std::string& name, const std::string& path,
                       const Metadata& metadata);
  void make(int dirfd, const std::string& name, const std::string& path, const Metadata& metadata);
  enum class Removed { nothing, entry, whiteout };
  Removed remove_existing(const Place& at, const std::string& path);

  ArchiveKind kind_;
  sys::Owners owners_;
  std::vector<OpenDirectory> open_;              // from the target down to the last entry's parent
  std::map<std::string, Metadata> directories_;  // to be set by finish()
};

}  // namespace gbox::layer
