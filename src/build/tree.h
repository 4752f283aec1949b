// Ebuild repositories that come as one verified archive (a tarball or a squashfs snapshot), opened
// as directories: unpacked once into a snapshot of the store, found again by the archive's digest,
// shared by all builds and collected like every snapshot. Nothing walks their 160 000 files again.
#pragma once

#include <functional>
#include <string>

#include "gbox/base/digest.h"
#include "gbox/base/json.h"
#include "gbox/build/observer.h"
#include "gbox/store/store.h"
#include "gbox/sys/fd.h"

namespace gbox::build {

struct TreeSource {
  std::string name;  // of the repository: "gentoo"
  int file = -1;     // borrowed; the verified file, opened for reading
  std::string file_name;
  Digest sha256;  // of the file
};

struct OpenedTree {
  sys::Fd directory;   // the repository itself, O_RDONLY | O_DIRECTORY
  std::string path;    // of it, absolute, below the store
  std::string digest;  // for keys: what decides the content ("tree-1:sha256:HEX")
};

// The repository in `source`: the archive's root, or its only directory when profiles/repo_name is
// there. Every entry belongs to the caller and may be read by all. The caller holds a lease for as
// long as the tree is used. Waits while another process unpacks the same. Throws Error (input) for
// a damaged archive, one that holds no repository, or a file that is not what its digest says.
OpenedTree open_tree(store::Store& store, const TreeSource& source, Observer& observer);

// --- shared with git_tree.cc ---

// The tree recorded under `digest`. When there is none, `fill` puts it into a directory, of which
// it gets the descriptor, and returns the parts that explain the key. Publishing is atomic: a kill
// at any time leaves all of it or nothing.
OpenedTree ensure_tree(store::Store& store, const std::string& name, const std::string& digest,
                       Observer& observer, const std::function<Json(int)>& fill);
bool has_tree(const store::Store& store, const std::string& digest);

}  // namespace gbox::build
