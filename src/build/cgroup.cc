#include "cgroup.h"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/machine.h"

namespace gbox::build {

namespace {

constexpr char kMount[] = "/sys/fs/cgroup";
constexpr char kOwnLeaf[] = "gbox";

// Files of a group take one write, and are there from the start.
void write_file(int dirfd, const std::string& name, const std::string& text) {
  const sys::Fd fd = sys::openat(dirfd, name, O_WRONLY);
  sys::write_all(fd.get(), text, name);
}

// Whether controllers could be handed on; a group that has processes of its own cannot.
bool hand_on(int dirfd) {
  try {
    write_file(dirfd, "cgroup.subtree_control", "+memory +pids");
  } catch (const SysError& error) {
    if (error.error_number() != EBUSY) throw;
    return false;
  }
  return true;
}

// All that share the group: the shell that started gbox, and what else that runs.
void move_all(int dirfd, int leaf) {
  for (const std::string& pid :
       split_words(sys::try_read_file(dirfd, "cgroup.procs").value_or(""))) {
    try {
      write_file(leaf, "cgroup.procs", pid);
    } catch (const SysError& error) {
      if (error.error_number() != ESRCH) throw;  // it has ended
    }
  }
}

bool has_word(const std::string& text, std::string_view word) {
  const std::vector<std::string> words = split_words(text);
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Cgroup::Cgroup(int parent, std::string name, const spec::Limits& limits)
    : parent_(sys::dup(parent)), name_(std::move(name)) {
  sys::mkdirat(parent_.get(), name_, 0755);
  try {
    fd_ = sys::openat(parent_.get(), name_, O_RDONLY | O_DIRECTORY);
    if (limits.memory) {
      write_file(fd_.get(), "memory.max", std::to_string(limits.memory->value));
      // All of it, or the kernel would pick one process and the step would go on without.
      write_file(fd_.get(), "memory.oom.group", "1");
    }
    if (limits.processes)
      write_file(fd_.get(), "pids.max", std::to_string(limits.processes->value));
  } catch (...) {
    (void)::unlinkat(parent_.get(), name_.c_str(), AT_REMOVEDIR);
    throw;
  }
}

Cgroup::~Cgroup() {
  fd_.reset();
  (void)::unlinkat(parent_.get(), name_.c_str(), AT_REMOVEDIR);  // else with the scope itself
}

std::uint64_t Cgroup::counter_of(const std::string& file, const std::string& name) const {
  const auto text = sys::try_read_file(fd_.get(), file);
  return text ? sys::counter(*text, name).value_or(0) : 0;
}

std::string Cgroup::hit() const {
  if (counter_of("memory.events", "oom_kill") != 0) return "memory";
  if (counter_of("pids.events", "max") != 0) return "processes";
  return {};
}

std::string Cgroups::own_directory() {
  struct statfs status {};
  if (::statfs(kMount, &status) != 0 || status.f_type != CGROUP2_SUPER_MAGIC) return {};
  for (const std::string& line :
       split(sys::try_read_file(AT_FDCWD, "/proc/self/cgroup").value_or(""), '\n'))
    if (line.starts_with("0::/")) return kMount + line.substr(3);
  return {};
}

// Where another gbox was started by the same shell: the group above is ready.
std::optional<Cgroups> Cgroups::try_share(const std::string& directory) {
  const auto [above, name] = sys::split_last(directory);
  if (name != kOwnLeaf || ::access((above + "/cgroup.procs").c_str(), W_OK) != 0)
    return std::nullopt;
  sys::Fd fd = sys::openat(AT_FDCWD, above, O_RDONLY | O_DIRECTORY);
  const std::string handed = sys::try_read_file(fd.get(), "cgroup.subtree_control").value_or("");
  if (!has_word(handed, "memory") || !has_word(handed, "pids")) return std::nullopt;
  return Cgroups(std::move(fd));
}

std::optional<Cgroups> Cgroups::try_take(const std::string& directory, std::string* why) {
  try {
    if (directory.empty()) throw Error("the host has no cgroup v2");
    if (std::optional<Cgroups> shared = try_share(directory)) return shared;
    sys::Fd fd = sys::openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
    const std::string there = sys::try_read_file(fd.get(), "cgroup.controllers").value_or("");
    for (const char* controller : {"memory", "pids"})
      if (!has_word(there, controller))
        throw Error("controller " + quoted(controller) + " is not handed to it");
    if (::mkdirat(fd.get(), kOwnLeaf, 0755) != 0 && errno != EEXIST)
      throw SysError(errno, "make a group in it");
    const sys::Fd leaf = sys::openat(fd.get(), kOwnLeaf, O_RDONLY | O_DIRECTORY);
    write_file(leaf.get(), "cgroup.procs", "0");
    constexpr int kAttempts = 5;  // others may start processes meanwhile
    for (int attempt = 0; !hand_on(fd.get()); ++attempt) {
      if (attempt == kAttempts) throw Error("other processes are in it, which cannot be moved");
      move_all(fd.get(), leaf.get());
    }
    return Cgroups(std::move(fd));
  } catch (const Error& error) {
    *why = "cgroup " + quoted(directory) + ": " + error.message();
    return std::nullopt;
  }
}

Cgroups* Cgroups::own(std::string* why) {
  static std::string refused;
  static std::optional<Cgroups> groups = try_take(own_directory(), &refused);
  *why = refused;
  return groups ? &*groups : nullptr;
}

std::unique_ptr<Cgroup> Cgroups::make(const spec::Limits& limits) {
  return std::make_unique<Cgroup>(
      directory_.get(), "step-" + std::to_string(::getpid()) + '-' + std::to_string(++made_),
      limits);
}

}  // namespace gbox::build
