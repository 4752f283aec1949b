// Mounts as descriptors (the new mount API): made detached, attached by whoever needs them, gone
// when the last reference is. Only used inside gbox's own mount namespace; code that mounts on
// the host side does not exist.
#pragma once

#include <string>
#include <vector>

#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"

namespace gbox::sys {

// A detached copy of the mount(s) at a path, for binding elsewhere. `recursive` is needed for
// trees that hold mounts of an outer namespace, as the kernel would not uncover what they hide.
enum class Recursive { no, yes };
Fd open_tree(int dirfd, const std::string& path, Recursive recursive);

// Sets MOUNT_ATTR_* flags on a detached mount (and, with Recursive::yes, all below it). Adding
// restrictions always works; the kernel refuses to lift those of an outer namespace.
void mount_setattr(int mount_fd, std::uint64_t attributes, Recursive recursive);

// A detached new file system: type, options (key, value; an empty value is a flag), MOUNT_ATTR_*.
// `subject` names it in errors.
struct MountOption {
  std::string key;
  std::string value;
};
Fd new_mount(const std::string& type, const std::vector<MountOption>& options,
             std::uint64_t attributes);

// Attaches a detached mount on top of `target_fd` (O_PATH).
void move_mount(int mount_fd, int target_fd, std::string_view subject);

// A detached mount, attached at a directory of its own while this lives: before Linux 6.15 no part
// of a detached mount can be bound, as open_tree() does. What was bound stays when this goes.
class AttachedMount {
 public:
  // The directory is made below `parent`.
  AttachedMount(Fd mount, const std::string& parent);
  AttachedMount(const AttachedMount&) = delete;
  AttachedMount& operator=(const AttachedMount&) = delete;
  ~AttachedMount();
  [[nodiscard]] int fd() const noexcept { return mount_.get(); }  // its root

 private:
  TempDir point_;
  Fd mount_;
};

// Which interface mounts an overlay. fsconfig's 'lowerdir+' needs Linux 6.8 in a user namespace;
// mount(2) works since 5.11 but has one page for all options. `automatic` tries in that order.
enum class OverlayInterface { automatic, fsconfig, mount2 };

// The lower directories (topmost first), upperdir and workdir of one overlay, as paths relative
// to `base_fd`. Without upperdir it is read-only and needs two lower directories.
struct Overlay {
  int base_fd = -1;
  std::vector<std::string> lowerdirs;
  std::string upperdir;
  std::string workdir;
  OverlayInterface interface = OverlayInterface::automatic;
};
constexpr std::size_t kMaxLowerdirs = 500;  // the kernel's OVL_MAX_STACK

// A detached overlay mount with userxattr. Throws Error (host) with the cause translated:
// nested overlays, no d_type or xattr, too many layers, kernels without unprivileged overlay.
Fd mount_overlay(const Overlay& overlay);

// A detached view of several layers, of which one may stand alone (then it is a read-only bind).
Fd mount_layers_read_only(int base_fd, const std::vector<std::string>& lowerdirs);

}  // namespace gbox::sys
