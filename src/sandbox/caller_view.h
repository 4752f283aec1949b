// The file system as the caller of a notified call sees it: its root, its working directory, its
// descriptors. Used by the handlers that record owners (owner_calls.h), in the listener's thread.
//
// That thread takes the caller's root for its own (as a thread may by itself), so that the kernel
// resolves what the caller named as it would for the caller: absolute links start at that root, and
// '..' ends there. The root is the one of a mount namespace that holds the step's mounts and
// nothing else, so no name leads out of it; links of /proc, which are no names, are not followed.
#pragma once

#include <cstdint>
#include <string>

#include "gbox/sandbox/notified.h"
#include "gbox/sys/fd.h"

namespace gbox::sandbox {

enum class Follow { no, yes };  // a symbolic link at the end of a path

class CallerView {
 public:
  // Where no caller has a say: /proc of gbox itself.
  CallerView();

  // An O_PATH descriptor of what `dirfd` and `path` of the call's arguments name, "" being the
  // descriptor itself. Without one errno is set, and is what the call would fail with.
  [[nodiscard]] sys::Fd open(const Call& call, int dirfd, const std::string& path, Follow follow);
  // Of a descriptor's file.
  [[nodiscard]] sys::Fd open(const Call& call, int fd);

  // A path to what `fd` refers to, for calls that take nothing else. Good in the listener's thread.
  [[nodiscard]] static std::string path_of(const sys::Fd& fd) { return std::to_string(fd.get()); }

  // What the kernel lets it do (CAP_…, of linux/capability.h), whatever its ids are said to be.
  [[nodiscard]] bool is_capable(const Call& call, unsigned capability) const;
  [[nodiscard]] mode_t umask(const Call& call) const;
  // Tells the programs apart that a process executes one after the other; 0: not known.
  [[nodiscard]] std::uint64_t program(const Call& call) const;
  // Tells user namespaces apart.
  [[nodiscard]] ino_t user_namespace(const Call& call) const;

 private:
  [[nodiscard]] bool set_thread_apart();
  [[nodiscard]] bool enter_root_of(const Call& call);
  [[nodiscard]] sys::Fd open_link(const Call& call, const std::string& name, int flags) const;
  [[nodiscard]] std::string status_line(const Call& call, const std::string& name) const;

  sys::Fd proc_;
  sys::Fd own_descriptors_;  // /proc/self/fd, where the thread's working directory is
  bool thread_is_apart_ = false;
  std::uint64_t root_mount_ = 0;
  std::uint64_t root_inode_ = 0;
};

}  // namespace gbox::sandbox
