#include "gbox/sys/fuse_overlay.h"

#include <poll.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <utility>

#include "gbox/base/text.h"

namespace gbox::sys {

namespace {

constexpr char kProgram[] = "fuse-overlayfs";
constexpr long kFuseMagic = 0x65735546;
constexpr int kMountMilliseconds = 10000;
constexpr int kEndMilliseconds = 60000;
constexpr int kLookAgainMilliseconds = 2;

bool is_fuse(const std::string& path) {
  struct statfs status {};
  return ::statfs(path.c_str(), &status) == 0 && status.f_type == kFuseMagic;
}

// Whether the helper has ended, which closes its output, within the time.
bool ends_within(const RunningHelper& helper, int milliseconds) {
  std::array<char, 4096> buffer;
  for (;;) {
    pollfd end = {helper.output(), POLLIN, 0};
    const int count = ::poll(&end, 1, milliseconds);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (::read(helper.output(), buffer.data(), buffer.size()) <= 0) return true;
  }
}

std::string joined_paths(const std::string& base, const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : ":") + base + '/' + path;
  return text;
}

}  // namespace

std::string find_fuse_overlay() {
  return find_in_path(kProgram);
}

FuseOverlay::FuseOverlay(const Overlay& overlay, const std::string& base_path,
                         const std::string& point) {
  const std::string program = find_fuse_overlay();
  if (program.empty())
    throw Error("mount overlay: 'fuse-overlayfs' is not in PATH", ExitCode::host)
        .set_hint("install the package of that name");
  // They separate its options, and it reads no way to escape them in all versions.
  if (base_path.find_first_of(":,\\") != std::string::npos)
    throw Error("mount overlay: 'fuse-overlayfs' cannot take the path " + quoted(base_path) +
                    ", for a ':', ',' or '\\' in it",
                ExitCode::host)
        .set_hint("use a store with another path, or '--storage copy'");
  std::string options = "lowerdir=" + joined_paths(base_path, overlay.lowerdirs);
  if (!overlay.upperdir.empty())
    options += ",upperdir=" + base_path + '/' + overlay.upperdir + ",workdir=" + base_path + '/' +
               overlay.workdir;
  helper_.emplace(std::vector<std::string>{program, "-f", "-o", options, point},
                  "mount overlay by 'fuse-overlayfs'");
  for (int waited = 0; !is_fuse(point); waited += kLookAgainMilliseconds) {
    if (!ends_within(*helper_, kLookAgainMilliseconds)) {
      if (waited < kMountMilliseconds) continue;
      throw Error("mount overlay by 'fuse-overlayfs': it does not answer", ExitCode::host);
    }
    const HelperOutput said = helper_->wait();
    throw Error("mount overlay by 'fuse-overlayfs': " +
                    (trim(said.errors).empty() ? "exit " + std::to_string(said.status.code)
                                               : printable(trim(said.errors))),
                ExitCode::host);
  }
  tree_ = open_tree(AT_FDCWD, point, Recursive::no);
  if (::umount2(point.c_str(), MNT_DETACH) != 0)
    throw SysError(errno, "mount overlay: take its tree", ExitCode::host);
}

void FuseOverlay::wait() {
  tree_.reset();
  if (!helper_) return;
  if (!ends_within(*helper_, kEndMilliseconds))
    throw Error("unmount an overlay of 'fuse-overlayfs': something still uses it");
  (void)helper_->wait();  // its exit status says nothing of what it has written
  helper_.reset();
}

}  // namespace gbox::sys
