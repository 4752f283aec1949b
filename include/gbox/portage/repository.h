// Ebuild repositories on this host, before anything runs: is it one, does it hold the profile, and
// what is its content's digest. Reads only; never executes anything of it.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"
#include "gbox/spec/spec.h"
#include "gbox/sys/fd.h"

namespace gbox::portage {

struct CheckedRepository {
  std::string name;   // as the spec calls it
  std::string path;   // as opened
  sys::Fd directory;  // O_RDONLY | O_DIRECTORY
  std::vector<Warning> warnings;
  std::string closed = {};  // RepositoryState's, once that is known
  sys::Fd source = {};      // where `directory` is a copy: what it was made of
};

// Opens the repository at `path` (the spec's path, made absolute by the caller). Throws Error
// (input) naming what is missing: the directory, profiles/repo_name or metadata/layout.conf. A
// repo_name other than the spec's is an error too: Portage would drop the repository.
CheckedRepository check_repository(const spec::Repository& repository, const std::string& path);

// Throws SpecError at `where` when profiles/PROFILE is no profile of this repository; the hint
// names the nearest one that is.
void check_profile(const CheckedRepository& repository, const std::string& profile,
                   const Location& where);

// Digest of a tree's content: sorted paths, kinds, link targets, bytes and whether a file may be
// executed; not times, owners or the other mode bits, which are a checkout's and reach no image.
// One pass; links are not followed. Throws Error (input) for what it cannot read and for what is
// no file, directory or link.
Digest tree_digest(int dirfd);

// Likewise, without what cannot change a build: version control (.git, …),
// metadata/md5-cache, which Portage checks against the ebuilds it was derived from, and the time
// stamps and top-level Manifests that each publication writes anew.
Digest repository_digest(int dirfd);

// Whether `name`, directly in a repository, is version control's.
bool is_version_control(std::string_view name);

// What stat(2) tells of every file that repository_digest() would read: while this is the same, so
// is that, provided that `newest` had passed for a while when the two were taken (a file may change
// twice within one tick of the clock). Reads no file.
struct RepositoryState {
  Digest digest;
  timespec newest{};   // the latest modification or change
  std::string closed;  // the first path that not everybody may read; "." is the repository itself
};
RepositoryState repository_state(int dirfd);

}  // namespace gbox::portage
