// Ebuild repositories from git: a branch, tag or commit becomes a snapshot of the store, as
// tree.h's archives do. What was fetched stays in the store as a bare repository, so that the next
// commit is a small transfer; nothing depends on it, gc takes it like every input.
// Submodules are not followed, and no signature of a commit is checked: the commit's id, which the
// lock keeps, is what pins the content.
#pragma once

#include <string>

#include "gbox/build/observer.h"
#include "gbox/store/store.h"
#include "tree.h"

namespace gbox::build {

struct GitSource {
  std::string name;  // of the repository: "gentoo"
  std::string url;   // https, http, git, ssh, file, or an absolute path
  std::string rev;   // a branch, a tag, 'refs/…' or a full commit; empty: what HEAD is there
};

// The commit (40 or 64 lower-case hex digits) that `rev` names now. Asks the remote, unless `rev`
// is a full commit. Throws Error: host when git is not installed, input when the remote cannot be
// reached or has no such rev (with the nearest names).
std::string resolve_git(const GitSource& source, Observer& observer);

// Whether the store has the tree of this commit, so that opening it needs no network.
bool has_git_tree(const store::Store& store, const std::string& commit);

// The tree of `commit`, fetched when the store has none; `rev` is not looked at. The caller holds a
// lease for as long as the tree is used. Throws Error as above, and for a commit that is not there.
OpenedTree open_git_tree(store::Store& store, const GitSource& source, const std::string& commit,
                         Observer& observer);

}  // namespace gbox::build
