// A directory of include/gbox/build/share.h: whatever lies in it is outside text, and no link in it
// is ever followed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/sys/fd.h"
#include "shared_package.h"

namespace gbox::build {

class SharedDirectory {
 public:
  // Throws Error (input) when `path` is no directory.
  explicit SharedDirectory(std::string path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // What is told of packages, by key; what is refused is warned of and counted.
  std::map<std::string, SharedPackage> list(Observer& observer, std::size_t& refused) const;
  // What is told of the package of one key; nullopt when nothing is, or, with `why`, when it is
  // refused. Costs the same however many there are.
  std::optional<SharedPackage> find(const std::string& key, std::string& why) const;
  // The file of a package, when it is a regular one of that size; else `why` it is not.
  std::optional<sys::Fd> open(const SharedPackage& shared, std::string& why) const;

 private:
  std::string path_;
  sys::Fd fd_;
};

// A file of facts in `directory`, no longer than they may be. Throws Error.
std::string read_shared_facts(int directory, const std::string& name);
// The file at `place`, when it is a regular one of that size; else `why` it is not.
std::optional<sys::Fd> open_shared_file(int directory, const std::string& place, std::uint64_t size,
                                        std::string& why);

// Copies `size` bytes of `from` into `to` and gives their SHA-256; more or fewer are an Error
// (input). Tells `observer` the bytes of `done` and in all, and lets a signal end it.
struct CopyProgress {
  Observer& observer;
  std::string activity;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};
Digest copy_bytes(int from, int to, std::uint64_t size, CopyProgress& progress);

}  // namespace gbox::build
