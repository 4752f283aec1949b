// Packages installed in '/' taken over into a root of its own: their files as they are now, by the
// CONTENTS of Portage's database (the VDB), and their entry in that, so that Portage in the root
// knows them. Nothing is run and nothing is built. What is left out of a package is out of its
// entry as well: it stands there as one that was merged with an INSTALL_MASK.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/portage/atom.h"

namespace gbox::build {

struct TakenOver {
  std::string cpv;
  std::size_t files = 0;  // directories not counted
};

// Whether something at a path of CONTENTS, absolute, is wanted. Directories come with what they
// hold.
using Wanted = std::function<bool(std::string_view path)>;

// The packages (cpvs) that the VDB beneath `rootfd` has of an atom, oldest version first. USE in
// the atom is not looked at.
std::vector<std::string> installed_matching(int rootfd, const portage::Atom& atom);

// Copies `cpv`, installed beneath `rootfd`, into the directory `root` of the same tree. An empty
// `wanted` wants everything. What was taken of the same package before stays. A file that is below
// /etc of `root` already is left as it is, as Portage leaves configuration. Throws Error.
TakenOver take_over(int rootfd, const std::string& root, const std::string& cpv,
                    const Wanted& wanted = {});

}  // namespace gbox::build
