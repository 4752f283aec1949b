// Manifest files of packages (GLEP 74): the sizes and digests of what ebuilds fetch. Pure but for
// reading one descriptor. Called by build, which holds a plan against them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/portage/emerge_plan.h"

namespace gbox::portage {

constexpr std::size_t kMaxManifestBytes = 16u << 20;  // the largest of ::gentoo is below 2 MiB

// The DIST lines: name, size and the digests gbox knows; other lines (a signature's among them)
// are passed over. Throws Error (input) for a DIST line that is damaged, naming its number.
std::vector<Distfile> parse_manifest(std::string_view text);
// The same of an open file, from its beginning.
std::vector<Distfile> read_manifest(int fd);

// Holds the files of `package` (one of `plan`) against its Manifest: a size or digest that differs
// is an error (plan); a file without them gets the Manifest's. In a plan that was read from text,
// files of the Manifest that another package was taken to own move to this one.
void apply_manifest(EmergePlan& plan, PlannedPackage& package,
                    const std::vector<Distfile>& manifest);

}  // namespace gbox::portage
