#include "gbox/sys/mount.h"

#include <sys/mount.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/file.h"

namespace gbox::sys {

namespace {

// The kernel's own words about a failed fsconfig ('overlay: …'), which errno cannot carry.
std::string kernel_message(int context_fd) {
  std::array<char, 512> buffer;
  std::string text;
  for (;;) {
    const ssize_t count = ::read(context_fd, buffer.data(), buffer.size());
    if (count <= 0) return text;
    std::string_view line(buffer.data(), static_cast<std::size_t>(count));
    if (line.size() > 2 && line[1] == ' ') line.remove_prefix(2);  // "e ", "w ", "i "
    if (!text.empty()) text += "; ";
    text += printable(trim(line));
  }
}

[[noreturn]] void throw_mount_error(int error_number, const std::string& deed, int context_fd) {
  SysError error(error_number, deed, ExitCode::host);
  if (context_fd >= 0)
    if (const std::string said = kernel_message(context_fd); !said.empty())
      error.set_hint("the kernel says: " + said);
  throw error;
}

void fsconfig(int context_fd, unsigned command, const char* key, const char* value,
              const std::string& deed) {
  if (::fsconfig(context_fd, command, key, value, 0) != 0)
    throw_mount_error(errno, deed, context_fd);
}

// What every overlay of ours says aloud. userxattr: without it the mount succeeds unprivileged
// and 'rm -r' of a lower directory fails with EIO later. The others differ by kernel
// configuration, and layers must not carry index, redirect or metacopy marks.
std::vector<MountOption> overlay_flags() {
  return {{"userxattr", ""}, {"index", "off"}, {"metacopy", "off"}, {"redirect_dir", "nofollow"}};
}

std::string below(int base_fd, const std::string& path) {
  return "/proc/self/fd/" + std::to_string(base_fd) + '/' + path;
}

Fd overlay_by_fsconfig(const Overlay& overlay) {
  std::vector<MountOption> options = overlay_flags();
  for (const std::string& lower : overlay.lowerdirs)
    options.push_back({"lowerdir+", below(overlay.base_fd, lower)});
  if (!overlay.upperdir.empty()) {
    options.push_back({"upperdir", below(overlay.base_fd, overlay.upperdir)});
    options.push_back({"workdir", below(overlay.base_fd, overlay.workdir)});
  }
  return new_mount("overlay", options, 0);
}

// Paths here are ours (hex and fixed words), but the separators are part of mount(2)'s syntax.
std::string escaped(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (c == ':' || c == ',' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// Attaches at a fresh directory of the store and detaches again: mount(2) knows no other way.
Fd overlay_by_mount2(const Overlay& overlay) {
  std::string data;
  for (const MountOption& flag : overlay_flags())
    data += flag.key + (flag.value.empty() ? "" : "=" + flag.value) + ',';
  data += "lowerdir=";
  for (std::size_t i = 0; i < overlay.lowerdirs.size(); ++i)
    data += (i == 0 ? "" : ":") + escaped(below(overlay.base_fd, overlay.lowerdirs[i]));
  if (!overlay.upperdir.empty())
    data += ",upperdir=" + escaped(below(overlay.base_fd, overlay.upperdir)) +
            ",workdir=" + escaped(below(overlay.base_fd, overlay.workdir));
  if (data.size() >= 4096)
    throw Error("mount overlay: " + std::to_string(overlay.lowerdirs.size()) +
                    " layers do not fit into one page of options",
                ExitCode::host)
        .set_hint("linux 6.8 lifts this limit; fewer phases help as well");
  const TempDir point(below(overlay.base_fd, "."), "overlay-");
  if (::mount("overlay", point.path().c_str(), "overlay", 0, data.c_str()) != 0)
    throw_mount_error(errno, "mount overlay", -1);
  Fd tree;
  int error_number = 0;
  try {
    tree = open_tree(AT_FDCWD, point.path(), Recursive::no);
  } catch (const SysError& error) {
    error_number = error.error_number();
  }
  (void)::umount2(point.path().c_str(), MNT_DETACH);  // else the TempDir's removal reports it
  if (!tree) throw_mount_error(error_number, "mount overlay: take its tree", -1);
  return tree;
}

constexpr long kOverlayMagic = 0x794c7630;
constexpr long kNfsMagic = 0x6969;

[[noreturn]] void explain_overlay_error(const SysError& error, const Overlay& overlay) {
  struct statfs status {};
  const bool known = ::fstatfs(overlay.base_fd, &status) == 0;
  Error explained = error;
  if (known && status.f_type == kOverlayMagic)
    explained = Error("mount overlay: the store lies on overlay, which cannot hold an overlay",
                      ExitCode::host)
                    .set_hint("put the store on a volume or another file system: --store DIR");
  else if (known && status.f_type == kNfsMagic)
    explained =
        Error("mount overlay: the store lies on nfs, which cannot hold an overlay", ExitCode::host)
            .set_hint("use a local disk: --store DIR");
  else if (error.error_number() == EPERM || error.error_number() == ENODEV)
    explained.add_hint("this kernel mounts no overlay in a user namespace (linux 5.11 does)");
  throw explained;
}

}  // namespace

Fd open_tree(int dirfd, const std::string& path, Recursive recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  if (recursive == Recursive::yes) flags |= AT_RECURSIVE;
  const int fd = ::open_tree(dirfd, path.c_str(), flags);
  if (fd < 0) throw SysError(errno, "bind " + quoted(path), ExitCode::host);
  return Fd(fd);
}

void mount_setattr(int mount_fd, std::uint64_t attributes, Recursive recursive) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  const unsigned flags =
      AT_EMPTY_PATH | (recursive == Recursive::yes ? static_cast<unsigned>(AT_RECURSIVE) : 0u);
  if (::mount_setattr(mount_fd, "", flags, &wanted, sizeof wanted) != 0)
    throw SysError(errno, "restrict a mount", ExitCode::host);
}

Fd new_mount(const std::string& type, const std::vector<MountOption>& options,
             std::uint64_t attributes) {
  const std::string deed = "mount " + type;
  const Fd context(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context) throw_mount_error(errno, deed, -1);
  for (const MountOption& option : options)
    fsconfig(context.get(), option.value.empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
             option.key.c_str(), option.value.empty() ? nullptr : option.value.c_str(), deed);
  fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, deed);
  const int fd = ::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes));
  if (fd < 0) throw_mount_error(errno, deed, context.get());
  return Fd(fd);
}

void move_mount(int mount_fd, int target_fd, std::string_view subject) {
  if (::move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
    throw SysError(errno, "mount on " + quoted(subject), ExitCode::host);
}

AttachedMount::AttachedMount(Fd mount, const std::string& parent)
    : point_(parent, "view-"), mount_(std::move(mount)) {
  move_mount(mount_.get(), point_.fd(), point_.path());
}

AttachedMount::~AttachedMount() {
  // Else the directory cannot be removed; the namespace ends with the process in any case.
  (void)::umount2(point_.path().c_str(), MNT_DETACH);
}

Fd mount_overlay(const Overlay& overlay) {
  if (overlay.lowerdirs.size() > kMaxLowerdirs)
    throw Error("mount overlay: " + std::to_string(overlay.lowerdirs.size()) +
                    " layers, the kernel takes at most " + std::to_string(kMaxLowerdirs),
                ExitCode::host);
  try {
    if (overlay.interface == OverlayInterface::mount2) return overlay_by_mount2(overlay);
    if (overlay.interface == OverlayInterface::fsconfig) return overlay_by_fsconfig(overlay);
    try {
      return overlay_by_fsconfig(overlay);
    } catch (const SysError& error) {
      // EINVAL: 'lowerdir+' is unknown (before 6.8). ENOSYS, EPERM: an outer container's seccomp
      // knows mount(2) but not the newer calls.
      const int number = error.error_number();
      if (number != EINVAL && number != ENOSYS && number != EPERM) throw;
      return overlay_by_mount2(overlay);
    }
  } catch (const SysError& error) {
    explain_overlay_error(error, overlay);
  }
}

Fd mount_layers_read_only(int base_fd, const std::vector<std::string>& lowerdirs) {
  if (lowerdirs.size() > 1) return mount_overlay({base_fd, lowerdirs, {}, {}});
  Fd tree = open_tree(base_fd, lowerdirs.at(0), Recursive::no);
  mount_setattr(tree.get(), MOUNT_ATTR_RDONLY, Recursive::no);
  return tree;
}

}  // namespace gbox::sys
