// The repositories of an image that emit_repos_image() wrote, or of any that holds some at
// /var/db/repos (Gentoo's own 'gentoo/portage'), shown read-only in a sandbox. The image is not
// trusted: nothing but real directories right there is shown, whatever links it has.
#pragma once

#include <string>
#include <vector>

#include "gbox/build/observer.h"
#include "gbox/sandbox/sandbox.h"
#include "gbox/store/store.h"

namespace gbox::build {

// The mounts of all repositories of `image` ('oci:DIR[:REF]' or 'oci-archive:FILE'), whose layers
// are imported into the store. The caller holds a lease for as long as they are used; `work`
// (borrowed) lends a place while they are made. Throws Error (usage, input).
std::vector<sandbox::Mount> repository_mounts(store::Store& store, const store::Work& work,
                                              const std::string& image, Observer& observer);

}  // namespace gbox::build
