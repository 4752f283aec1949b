// Groups of cgroup v2 for steps, where the host has given gbox a part of the tree to itself (as
// 'systemd-run --user --scope -p Delegate=yes' does): the kernel keeps their limits then, exactly,
// and counts what they took. Elsewhere there are none, and meter.h looks instead.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gbox/spec/limits.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

// The group of one sandbox. The destructor removes it; it must be empty by then.
class Cgroup {
 public:
  // Makes 'name' in the directory `parent`. Throws SysError when the kernel refuses a limit.
  Cgroup(int parent, std::string name, const spec::Limits& limits);
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  ~Cgroup();

  // For clone3(2), CLONE_INTO_CGROUP.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  // "memory" or "processes": the limit that the kernel enforced; empty: none.
  [[nodiscard]] std::string hit() const;

 private:
  [[nodiscard]] std::uint64_t counter_of(const std::string& file, const std::string& name) const;
  sys::Fd parent_;
  std::string name_;
  sys::Fd fd_;
};

class Cgroups {
 public:
  // `directory` is this process' own group. Moves this process, and the others that are in it, into
  // a leaf, as a group that has processes cannot hand controllers on; where another gbox has done
  // that, its group is shared. Nothing where that is not gbox's to do; `why` says so then.
  static std::optional<Cgroups> try_take(const std::string& directory, std::string* why);
  // "" where there is no cgroup v2.
  static std::string own_directory();
  // This process', taken when it is first asked for; nullptr where that fails.
  static Cgroups* own(std::string* why);

  std::unique_ptr<Cgroup> make(const spec::Limits& limits);

 private:
  static std::optional<Cgroups> try_share(const std::string& directory);
  explicit Cgroups(sys::Fd directory) : directory_(std::move(directory)) {}
  sys::Fd directory_;
  unsigned made_ = 0;
};

}  // namespace gbox::build
