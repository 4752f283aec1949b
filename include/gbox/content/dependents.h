// Which installed packages are left without what they need when others go. Pure. For telling what
// an unmerge breaks: what is linked is known exactly, what is asked for by name as RDEPEND says it.
#pragma once

#include <string>
#include <vector>

#include "gbox/content/owners.h"

namespace gbox::content {

struct Broken {
  std::string package;  // that stays: "app-shells/bash-5.2"
  std::string needs;    // a library ("libreadline.so.8"), or an atom of its RDEPEND or PDEPEND
  std::string removed;  // the package that had it: "sys-libs/readline-8.2"
};

// Of what was there `before` and is no longer there `after`. In byte order; of one pair of packages
// one entry, the library first. Choices ('|| ( a b )') are met by any package that is left.
std::vector<Broken> broken_by_removal(const Owners& before, const Owners& after);

}  // namespace gbox::content
