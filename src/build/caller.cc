#include "caller.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/userns.h"

namespace gbox::build {

void give_to_caller(const std::string& path) {
  const sys::IdMap map = sys::current_uid_map();
  const bool mapped = std::any_of(map.begin(), map.end(), [](const sys::IdExtent& extent) {
    return extent.inside == sys::kCallerId;
  });
  if (!mapped) return;
  const struct stat status = sys::fstatat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  if (S_ISDIR(status.st_mode)) {
    const sys::Fd directory = sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (const std::string& name : sys::list_directory(directory.get(), path))
      give_to_caller(path + '/' + name);
  }
  if (::lchown(path.c_str(), sys::kCallerId, sys::kCallerId) != 0)
    throw SysError(errno, "chown " + quoted(path), ExitCode::image);
}

}  // namespace gbox::build
