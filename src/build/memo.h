// Digests of what lies on this host and rarely changes, remembered in the store: a repository of
// 160 000 files, a base of 300 MB. What stat(2) tells is compared; what changed within the last
// two seconds is never remembered, because it could change again without any time changing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/portage/repository.h"
#include "gbox/store/store.h"

namespace gbox::build {

// Longer than a tick of any file system's clock in use (two seconds: FAT): what changed within it
// may change again without any time changing.
inline constexpr std::int64_t kSettled_s = 2;

// portage::repository_digest() of the repository at `path`, opened as `dirfd` (borrowed). `state`
// was taken of it right before: a change in between gives one that is never seen again. `now` is in
// unix seconds; 0: the clock's.
Digest remembered_repository_digest(store::Store& store, int dirfd, const std::string& path,
                                    const portage::RepositoryState& state, std::int64_t now = 0);

// The digests of the file `fd` (borrowed), one for each algorithm, in their order; `compute` reads
// it when they are not known.
std::vector<Digest> remembered_file_digests(store::Store& store, int fd, const std::string& path,
                                            const std::vector<HashAlgorithm>& algorithms,
                                            const std::function<std::vector<Digest>()>& compute,
                                            std::int64_t now = 0);

}  // namespace gbox::build
