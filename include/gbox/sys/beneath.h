// Paths from a spec, an archive or a root file system, resolved by the kernel beneath a directory
// (openat2). Strings are never joined and then trusted. Linux 5.6 or newer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gbox/sys/fd.h"

struct open_how;  // <linux/openat2.h>

namespace gbox::sys {

enum class Resolve {
  beneath,      // no component may leave the directory; absolute links and ".." beyond it: EXDEV
  in_root,      // as after chroot: absolute paths and links start at the directory
  no_symlinks,  // beneath, and no component, the last included, may be a symbolic link: ELOOP
};

// openat2(2), again when it was interrupted, and 128 times at most when a rename raced with the
// walk (EAGAIN). -1 and errno when it fails. Allocates nothing: also for a child before execve(2).
int openat2_again(int dirfd, const char* path, const open_how& how) noexcept;

Fd open_beneath(int dirfd, const std::string& path, int flags, Resolve resolve, mode_t mode = 0);
// nullopt on ENOENT and ENOTDIR.
std::optional<Fd> try_open_beneath(int dirfd, const std::string& path, int flags, Resolve resolve,
                                   mode_t mode = 0);

// For trees whose bytes are somebody else's. A directory, by an absolute path or one that begins at
// `dirfd`; nullopt: there is none, or it cannot be opened (links in circles, say).
std::optional<Fd> try_open_directory(int dirfd, std::string_view path,
                                     Resolve resolve = Resolve::in_root);
// The content of a regular file; nullopt: there is none, it cannot be opened, or it is larger.
std::optional<std::string> try_read_beneath(int dirfd, const std::string& path, std::uint64_t limit,
                                            Resolve resolve);

// mkdir -p within a root file system: components are resolved as after chroot, missing ones are
// made with `mode`, and the directory is returned as an O_PATH descriptor. A dangling link in the
// way is an error, never followed outside. `first_made`, when given, receives the path (relative
// to `rootfd`, as spelled) of the first component that had to be made, or "" if none.
Fd ensure_directories_in_root(int rootfd, const std::string& path, mode_t mode = 0755,
                              std::string* first_made = nullptr);

// "a/b/c" without leading, trailing or doubled slashes and "."; throws Error (input) when the
// path holds ".." or a NUL byte. The empty path and "/" give "".
std::string normalized_relative(std::string_view path);

// The parent ("" at the top) and the last component of a normalized path.
std::pair<std::string, std::string> split_last(std::string_view path);

}  // namespace gbox::sys
