// What is in an image, gathered from where it is known: the database of packages of its root, as it
// was before a step trimmed it away; the ebuild repositories, for upstream's archives and CPEs;
// what gbox itself has recorded of packages it built.
#pragma once

#include <string>
#include <vector>

#include "gbox/content/sbom.h"
#include "inputs.h"
#include "sources.h"

namespace gbox::build {

// As the database tells them: packages of the root `root` that have a file left in the image, or
// never had one. `chain` is lowest first.
std::vector<content::Component> components_of_root(store::Store& store,
                                                   const std::vector<std::string>& chain,
                                                   const std::string& root);

// The same, with what else is known of them. Opens the repositories, unless the store remembers
// what they said for this chain.
std::vector<content::Component> components_of(Inputs& inputs, Sources& sources,
                                              const std::vector<std::string>& chain);

}  // namespace gbox::build
