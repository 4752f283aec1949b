// gbox plan --write: the one place in gbox that writes to a spec.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "caller.h"
#include "gbox/base/text.h"
#include "gbox/build/plan.h"
#include "gbox/sys/file.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/userns.h"

namespace gbox::build {

namespace {

constexpr int kMaxLinks = 8;

// A file in a directory.
struct Place {
  sys::Fd directory;
  std::string path;  // of the directory, with '/' behind it; empty: the working directory
  std::string name;
  struct stat status {};
};

[[noreturn]] void refuse_patch(const std::string& why, const std::string& hint) {
  Error error(why, ExitCode::usage);
  error.set_hint(hint);
  throw error;
}

// Where the spec really lies. A rename replaces a link instead of following it, and a link to
// somewhere else says that the file is kept there, by something else: not ours to replace.
Place place_of(const std::string& path) {
  Place place;
  const std::size_t slash = path.rfind('/');
  place.path = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  place.name = path.substr(place.path.size());
  place.directory =
      sys::open(place.path.empty() ? "." : place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int links = 0;; ++links) {
    place.status = sys::fstatat(place.directory.get(), place.name, AT_SYMLINK_NOFOLLOW);
    if (!S_ISLNK(place.status.st_mode)) break;
    const std::string target = sys::readlinkat(place.directory.get(), place.name);
    if (target.find('/') != std::string::npos || links == kMaxLinks)
      refuse_patch("it is a link to " + quoted(target) + ", out of its directory",
                   "name the file itself: 'gbox plan --write " + target + "'");
    place.name = target;
  }
  return place;
}

void require_ours(const Place& place) {
  const struct stat& status = place.status;
  if (!S_ISREG(status.st_mode)) refuse_patch("it is not a file", "give the spec as a file");
  // A new file takes its place, so that these would not stop anybody.
  if ((status.st_mode & S_IWUSR) == 0)
    refuse_patch("it is read-only",
                 "run 'chmod u+w " + place.name + "', or write the lines yourself");
  if (status.st_uid != ::geteuid() && status.st_uid != sys::kCallerId)
    refuse_patch("it belongs to somebody else", "its owner can run this, or write the lines");
}

}  // namespace

std::vector<spec::EditedSpec::Line> add_to_spec(
    const SpecSource& source, const std::vector<spec::PortageAddition>& additions) {
  return with_context("change spec " + quoted(source.path), [&] {
    const Place place = place_of(source.path);
    require_ours(place);
    const auto read = [&] {
      return sys::read_file(place.directory.get(), place.name, spec::kMaxSpecBytes);
    };
    const std::string text = read();
    const spec::EditedSpec edited = spec::add_to_portage(source.path, text, additions);
    if (edited.changed.empty()) return edited.changed;
    // What an image proposes must be what a spec may say.
    (void)spec::read_spec(source.path, edited.text, source.overrides);
    if (read() != text)
      refuse_patch("somebody else changes it, too", "run this again when that has been saved");
    try {
      sys::write_file_atomically(place.directory.get(), place.name, edited.text,
                                 place.status.st_mode & 07777);
      give_to_caller(place.path + place.name);
    } catch (SysError& error) {
      error.add_code(ExitCode::usage);
      error.add_hint("make its directory writable, or write the lines yourself");
      throw;
    }
    return edited.changed;
  });
}

}  // namespace gbox::build
