// Archives in a directory of include/gbox/build/share.h, each with a file of facts beside it that
// names it: written so that a reader finds both or neither, and so that several may write at once.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "gbox/build/observer.h"
#include "gbox/layer/pack.h"
#include "gbox/layer/unpack.h"
#include "gbox/sys/lock.h"

namespace gbox::build {

class ArchiveWriter {
 public:
  // `name` is that of the subdirectory of `directory`, made when missing. Waits for whoever writes
  // there.
  ArchiveWriter(const std::string& directory, const std::string& name, Observer& observer);

  struct Made {
    std::string archive;  // its name
    std::string facts_name;
    std::string facts;
  };
  // What `make` writes to its file becomes an archive; false when it says that there is nothing.
  bool write(const std::function<std::optional<Made>(int to)>& make) const;
  // As far as it goes: there will be another time.
  void remove_all(const std::function<bool(const std::string& name)>& is_old) const;

  [[nodiscard]] int fd() const noexcept { return lock_.fd(); }

 private:
  std::string path_;
  sys::FileLock lock_;
};

// How the tree of such an archive is packed; `activity` is told as it goes on. Both must outlive
// it.
layer::PackOptions shared_pack_options(Observer& observer, const std::string& activity);
// Unpacks an archive of these bytes into a directory. Throws Error (input) for another one.
layer::UnpackSummary unpack_shared(const sys::Fd& file, const Digest& sha256,
                                   std::uint64_t size_bytes, int to, const std::string& activity,
                                   Observer& observer);

}  // namespace gbox::build
