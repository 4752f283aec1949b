#include "lesser_proc.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/level.h"

namespace gbox::build {

namespace {

constexpr char kMakeConf[] = "etc/portage/make.conf";
constexpr char kWithoutPidSandbox[] = "\nFEATURES=\"${FEATURES} -pid-sandbox\"\n";

// The file of make.conf that is read last, and what it says. The environment would not do: with a
// ROOT, Portage gives its second configuration, for '/', next to nothing of it.
struct LastFile {
  std::string path;
  std::string text;
};

std::optional<LastFile> last_file(int rootfd) {
  const auto place = sys::try_open_beneath(rootfd, kMakeConf, O_PATH, sys::Resolve::in_root);
  if (!place) return std::nullopt;
  const struct stat status = sys::fstat(place->get());
  if (S_ISREG(status.st_mode)) {
    const auto [parent, name] = sys::split_last(kMakeConf);
    const sys::Fd directory =
        sys::open_beneath(rootfd, parent, O_PATH | O_DIRECTORY, sys::Resolve::in_root);
    return LastFile{kMakeConf, sys::read_file(directory.get(), name)};
  }
  if (!S_ISDIR(status.st_mode)) return std::nullopt;
  const sys::Fd directory = sys::openat(place->get(), ".", O_RDONLY | O_DIRECTORY);
  std::vector<std::string> names = sys::list_directory(directory.get(), kMakeConf);
  std::sort(names.begin(), names.end(), std::greater<>());
  for (const std::string& name : names) {
    const struct stat file = sys::fstatat(directory.get(), name, AT_SYMLINK_NOFOLLOW);
    // As Portage reads directories: neither hidden files nor an editor's copies.
    if (S_ISREG(file.st_mode) && name.front() != '.' && name.back() != '~')
      return LastFile{std::string(kMakeConf) + '/' + name, sys::read_file(directory.get(), name)};
  }
  return std::nullopt;
}

}  // namespace

void add_lesser_proc(sandbox::Settings& settings, const StepRoot& root) {
  if (sys::means().proc == sys::Proc::own) return;
  const std::optional<LastFile> last = last_file(settings.root.get());
  if (!last) return;
  const std::string copy = root.scratch("make.conf");
  const sys::Fd out = sys::open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  sys::write_all(out.get(), last->text + kWithoutPidSandbox, copy);
  settings.mounts.push_back(
      sandbox::bind_mount(AT_FDCWD, copy, '/' + last->path, sandbox::Access::read_only));
}

}  // namespace gbox::build
