// Rules about the file system that holds the store.
#include <cerrno>

#include "gbox/base/text.h"
#include "probe_check.h"
#include "probe_remedies.h"

namespace gbox::sys {

namespace {

bool has_nfs_type(const MountEntry* mount) {
  return mount != nullptr && (mount->type == "nfs" || mount->type == "nfs4");
}

}  // namespace

Check judge_store(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store) {
  const std::string name = "store";
  const std::vector<MountEntry> mounts = parse_mountinfo(facts.mountinfo);
  const MountEntry* mount = mount_of(mounts, store.resolved);
  const std::string type = mount == nullptr ? "unknown" : mount->type;
  const auto refuse = [&](Level level, const std::string& cause, const std::string& remedy,
                          const char* lost) {
    return lack(name, level, "open store " + quoted(store.path) + ": " + cause, remedy, lost);
  };
  constexpr char kNoStore[] = "keeping snapshots there";
  if (deeds.store_open.error_number != 0) {
    if (!store.closed_at.empty() && deeds.store_open.error_number == EACCES)
      return refuse(Level::none, quoted(store.closed_at) + " cannot be passed by mapped ids",
                    "run 'chmod o+x " + store.closed_at + "', or use " + other_store(facts),
                    kNoStore);
    if (deeds.store_open.error_number == EROFS)
      return refuse(Level::none, "it lies on a read-only file system", "use " + other_store(facts),
                    kNoStore);
    if (deeds.store_open.error_number == ENOSPC)
      return refuse(Level::none, "no space or no inodes are left there",
                    "free some, or use " + other_store(facts), kNoStore);
    if (deeds.store_open.error_number == EDQUOT)
      return refuse(Level::none, "the quota of " + quoted(shown_user(facts)) + " is used up",
                    "use " + other_store(facts), kNoStore);
    return refuse(Level::none,
                  said(deeds.store_open.error_number) + " (" + quoted(store.resolved) + ')',
                  "use " + other_store(facts), kNoStore);
  }
  if (has_nfs_type(mount))
    return refuse(
        Level::none,
        "it lies on nfs (" + quoted(mount->source) + "), whose server does not know mapped ids",
        "use a local disk: " + other_store(facts), kNoStore);
  if (deeds.store_chown.error_number != 0)
    return refuse(Level::single_id,
                  quoted(type) + " does not keep owners: " + said(deeds.store_chown.error_number),
                  "use '--store' on ext4, xfs, btrfs or tmpfs", kNoOwners);
  if (deeds.store_case.error_number != 0 || deeds.store_case.detail == "folds")
    return refuse(Level::none, "the file system does not tell 'a' from 'A'",
                  "use a path inside linux, such as " + other_store(facts), kNoStore);
  if (deeds.store_xattr.error_number != 0)
    // What a directory hides is kept in one, however roots are put together.
    return refuse(Level::none, quoted(type) + " has no user extended attributes",
                  "use '--store' on ext4, xfs, btrfs or tmpfs (linux 6.6 or newer)", kNoStore);
  return ok(name,
            quoted(store.path) + " on " + type + (store.space.empty() ? "" : ", " + store.space));
}

Check judge_overlay(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store) {
  const std::string name = "overlay";
  const Deed& deed = deeds.overlay;
  const std::vector<MountEntry> mounts = parse_mountinfo(facts.mountinfo);
  const MountEntry* mount = mount_of(mounts, store.resolved);
  const std::string type = mount == nullptr ? "unknown" : mount->type;
  const std::string open_store = "open store " + quoted(store.path) + ": ";
  if (deed.error_number != 0) {
    if (type == "overlay")
      return lack(name, Level::no_kernel_overlay,
                  open_store + "it lies on overlay, which cannot hold an overlay",
                  "mount a volume and pass '--store DIR' on it", kSlowRoots);
    if (deed.error_number == ENODEV)
      return lack(name, Level::no_kernel_overlay,
                  "enter sandbox: mount overlay: this kernel has none loaded",
                  "on the host, run 'modprobe overlay' as root", kSlowRoots);
    if (is_gvisor(facts))
      return lack(name, Level::no_kernel_overlay,
                  "enter sandbox: mount overlay: kernel is gvisor (" +
                      quoted(facts.kernel_release) + ", runsc)",
                  "use a runner without gvisor", kSlowRoots);
    if (older_than(facts.kernel_release, 5, 11))
      return lack(
          name, Level::no_kernel_overlay,
          "enter sandbox: mount overlay: kernel " + quoted(facts.kernel_release) +
              " has no overlay for user namespaces (linux 5.11 has)",
          is_wsl1(facts) ? "in windows, run 'wsl --set-version <distro> 2'" : "use a newer kernel",
          kSlowRoots);
    const bool at_mount = deed.detail == "mount" || deed.detail.empty();
    return lack(
        name, Level::no_kernel_overlay,
        at_mount ? open_store + quoted(type) + " cannot hold an overlay: " + said(deed.error_number)
                 : open_store + "an overlay on " + quoted(type) + " fails at '" + deed.detail +
                       "': " + said(deed.error_number),
        "use '--store' on ext4, xfs, btrfs or tmpfs (linux 6.6 or newer)", kSlowRoots);
  }
  if (deeds.execute.error_number != 0) {
    const bool noexec = mount != nullptr && has_option(mount->options, "noexec");
    return lack(name, Level::none,
                open_store + (noexec ? quoted(mount->point) + " is mounted 'noexec'"
                                     : "programs there cannot be executed: " +
                                           said(deeds.execute.error_number)),
                "choose another place with " + other_store(facts), kNoImages);
  }
  return ok(name, "mounted, read, removed, made, executed on " + type);
}

Check judge_fuse(const HostFacts& facts, const Deeds& deeds) {
  if (deeds.fuse.error_number == 0) return ok(kFuseCheck, "mounted, read, removed, made");
  const bool missing = deeds.fuse.detail.find("is not in PATH") != std::string::npos;
  std::string reason = deeds.fuse.detail;
  if (!reason.starts_with("mount overlay")) reason = "mount overlay by 'fuse-overlayfs': " + reason;
  return lack(kFuseCheck, Level::full, reason,
              missing ? "install the package 'fuse-overlayfs'"
              : facts.surroundings == Surroundings::plain
                  ? "let the user read and write '/dev/fuse'"
                  : "start the outer container with '--device /dev/fuse'",
              "roots without copies where the kernel mounts no overlay");
}

Check judge_store_execute(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store) {
  if (deeds.store_execute.error_number == 0)
    return ok(kStoreExecuteCheck, "programs can be executed");
  const std::vector<MountEntry> mounts = parse_mountinfo(facts.mountinfo);
  const MountEntry* mount = mount_of(mounts, store.resolved);
  const bool noexec = mount != nullptr && has_option(mount->options, "noexec");
  return lack(
      kStoreExecuteCheck, Level::full,
      "open store " + quoted(store.path) + ": " +
          (noexec ? quoted(mount->point) + " is mounted 'noexec'"
                  : "programs there cannot be executed: " + said(deeds.store_execute.error_number)),
      "choose another place with " + other_store(facts), "roots that are copies");
}

}  // namespace gbox::sys
