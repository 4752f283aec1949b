// What steps run: a phase's own emerge, unmerge and script, and the emerges of a phase that is
// merged package by package. Commands are portage's (command.h); here they get their environment.
#pragma once

#include <string>
#include <vector>

#include "gbox/portage/emerge_plan.h"
#include "inputs.h"
#include "workbench.h"

namespace gbox::build {

// All that a phase runs, in order.
std::vector<Deed> deeds_of(const Inputs& inputs, const spec::Phase& phase);
// Likewise, without its emerge.
std::vector<Deed> later_deeds(const Inputs& inputs, const spec::Phase& phase);

struct CompileOptions {
  unsigned jobs = 1;   // of make
  bool merges = true;  // false: the binary package is all that comes of it
};
// One package from its ebuild; PKGDIR gets the binary package. `root` is where it runs.
Deed compile_deed(const Inputs& inputs, const portage::PackageId& package, const StepRoot& root,
                  const CompileOptions& how);
// From the binary packages in PKGDIR, in this order.
Deed merge_deed(const Inputs& inputs, const std::vector<std::string>& cpvs,
                const std::string& root);
Deed uninstall_deed(const Inputs& inputs, const portage::PackageId& package);
// After the last package of a phase: see portage::end_command().
Deed end_deed(const Inputs& inputs, const spec::Phase& phase);

}  // namespace gbox::build
