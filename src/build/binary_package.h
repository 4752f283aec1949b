// Binary packages between a step's PKGDIR and the store.
#pragma once

#include <string>
#include <vector>

#include "step.h"

namespace gbox::build {

// Puts the binary package that emerge has made of `package.cpv` below `directory` into the store,
// with its entry of the index. The caller fills in the rest of `package`. False, with a warning,
// when there is none: the package is then compiled again whenever it is needed elsewhere.
bool keep_package(const StepContext& context, const std::string& directory, store::Package package);

// Lays `packages` out below `directory`, by hard links, as Portage expects them in PKGDIR.
void show_packages(const store::Store& store, const std::vector<store::Package>& packages,
                   const std::string& directory);

}  // namespace gbox::build
