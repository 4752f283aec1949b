// Packages of the store into a directory of include/gbox/build/share.h: for an export, and for what
// a build is asked to leave behind. Several may write to one directory at once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "gbox/build/share.h"

namespace gbox::build {

// Makes `path` and its parents, as the caller's.
void make_shared_directory(const std::string& path);

// Writes what is not there yet, and the index with it. Packages of the keys `renewed` are written
// in any case: what is there is known to be damaged. What was written stays when this throws. The
// caller holds a lease.
ShareResult write_packages(store::Store& store, const std::string& directory,
                           const std::vector<store::Package>& packages,
                           const std::set<std::string>& renewed, Observer& observer);

}  // namespace gbox::build
