// Finished packages between stores, by way of a directory that is an ordinary binary package
// repository for Portage as well: files where PKGDIR has them, an index 'Packages', and beside them
//   gbox-packages/KEY.json  {"format": "gbox-package", "version": 1, "key", "parts", "cpv", "spec",
//                           "step", "phase", "path", "place", "stanza", "sha256", "size_bytes",
//                           "seconds"}
//                           "path" is where the package has to lie in a PKGDIR of gbox, "place"
//                           where it lies in this directory: another one when its name was taken by
//                           another build of the same version
// A key is computed from its parts, and the file must have the digest; but that these parts really
// made this file is the word of whoever wrote the directory, as with any binary package.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/store/store.h"

namespace gbox::build {

struct ShareResult {
  std::size_t written = 0;  // into the directory, or into the store
  std::size_t already = 0;  // were there
  std::size_t refused = 0;  // with a warning each
  std::uint64_t bytes = 0;  // of what was written
};

// Packages of `store` into `directory`, made when missing; only what is not there is written.
// `steps` are names of phases, steps or packages; none: all. Throws Error (usage) for a name that
// none goes by. Takes a lease.
ShareResult export_packages(store::Store& store, const std::string& directory,
                            const std::vector<std::string>& steps, Observer& observer);

// The packages of such a directory into `store`. Whatever is not exactly what an export writes is
// refused by itself: other packages come all the same. Takes a lease.
ShareResult import_packages(store::Store& store, const std::string& directory, Observer& observer);

}  // namespace gbox::build
