// How the entries of an adopted tree look in the image (see Adoption). Pure; used by pack.cc.
#pragma once

#include <vector>

#include "gbox/layer/changes.h"
#include "gbox/layer/pack.h"

namespace gbox::layer {

// The directories on the way to the tree's place, outermost first, without the tree's own root.
std::vector<Entry> directories_above(const Adoption& adoption);

// Throws Error (image) for an entry that is no directory, file or link.
Entry adopted(const Entry& entry, const Adoption& adoption);

}  // namespace gbox::layer
