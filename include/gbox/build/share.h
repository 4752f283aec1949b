// Finished packages between stores, by way of a directory that is an ordinary binary package
// repository for Portage as well: files where PKGDIR has them, an index 'Packages', and beside them
//   gbox-packages/KEY.json  {"format": "gbox-package", "version": 1, "key", "parts", "cpv", "spec",
//                           "step", "phase", "path", "place", "stanza", "sha256", "size_bytes",
//                           "seconds"}
//                           "path" is where the package has to lie in a PKGDIR of gbox, "place"
//                           where it lies in this directory: another one when its name was taken by
//                           another build of the same version
// and caches of phases ([[phase.mount]]), an archive each:
//   gbox-caches/KEY.json    {"format": "gbox-cache", "version": 1, "id", "content", "sha256",
//                           "size_bytes"}; KEY is the digest of the id
//   gbox-caches/KEY.SHA256.tar.zst
//                           all of it as one layer
// Snapshots of phases may lie there as well (src/build/shared_snapshot.h): they mean something only
// upon others, so builds take them one by one, and an import leaves them.
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
  std::size_t caches_written = 0;
  std::size_t caches_already = 0;
  std::size_t caches_refused = 0;
  std::uint64_t cache_bytes = 0;
};

// Packages and caches of `store` into `directory`, made when missing; only what is not there, or
// what caches were given since, is written. `steps` are names of phases, steps or packages, or
// "cache:ID"; none: all. Throws Error (usage) for a name that
// none goes by. Takes a lease.
ShareResult export_packages(store::Store& store, const std::string& directory,
                            const std::vector<std::string>& steps, Observer& observer);

// The packages and caches of such a directory into `store`; a cache that it has stays as it is.
// Whatever is not exactly what an export writes is refused by itself: all else comes all the same.
// Takes a lease.
ShareResult import_packages(store::Store& store, const std::string& directory, Observer& observer);

}  // namespace gbox::build
