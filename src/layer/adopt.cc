#include "adopt.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::layer {

namespace {

constexpr mode_t kProgram = 0755;
constexpr mode_t kFile = 0644;

// Only what a header is made of; the rest of the status says how things are on this machine.
struct stat status_of(mode_t mode, std::int64_t mtime) {
  struct stat status {};
  status.st_mode = mode;
  status.st_mtim.tv_sec = mtime;
  return status;
}

}  // namespace

std::vector<Entry> directories_above(const Adoption& adoption) {
  std::vector<Entry> entries;
  for (std::size_t end = adoption.prefix.find('/'); end != std::string::npos;
       end = adoption.prefix.find('/', end + 1))
    entries.push_back({adoption.prefix.substr(0, end),
                       EntryKind::directory,
                       status_of(S_IFDIR | kProgram, adoption.directory_mtime),
                       {},
                       {}});
  return entries;
}

Entry adopted(const Entry& entry, const Adoption& adoption) {
  Entry shown;
  shown.path = entry.path.empty() ? adoption.prefix : adoption.prefix + '/' + entry.path;
  const std::int64_t mtime = adoption.file_mtime.value_or(entry.status.st_mtim.tv_sec);
  switch (entry.kind) {
    case EntryKind::directory:
      shown.kind = EntryKind::directory;
      shown.status = status_of(S_IFDIR | kProgram, adoption.directory_mtime);
      return shown;
    case EntryKind::file:
    case EntryKind::hardlink:  // that two names share a file is a matter of this machine's disk
      shown.kind = EntryKind::file;
      shown.status =
          status_of(S_IFREG | ((entry.status.st_mode & 0111) != 0 ? kProgram : kFile), mtime);
      shown.status.st_size = entry.status.st_size;
      return shown;
    case EntryKind::symlink:
      shown.kind = EntryKind::symlink;
      shown.status = status_of(S_IFLNK | 0777, mtime);
      shown.target = entry.target;
      return shown;
    default:
      throw Error(quoted(entry.path) + " is no file, directory or symbolic link", ExitCode::image)
          .set_hint("remove it from there");
  }
}

}  // namespace gbox::layer
