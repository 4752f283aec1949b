// Command lines and environments for emerge. Pure: what they say is hashed by `plan` and run by
// `build`. The environment handed to a step is exactly what these functions give.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gbox/spec/spec.h"

namespace gbox::portage {

using Command = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;  // sorted by name

// PKGDIR of every step that makes or takes binary packages.
constexpr std::string_view kPackagesDirectory = "/var/cache/binpkgs";

// One emerge a pass, in order; empty when the phase merges nothing. With `binary_hosts`, emerge
// takes packages from them, unless the phase's own options say something about that.
std::vector<Command> emerge_commands(const spec::Phase& phase, bool binary_hosts = false);
// Whether emerge with these options does nothing but merge what it plans: no fetching alone, no
// --depclean, no --pretend, no binary packages for the image's own PKGDIR.
bool only_merges(const std::vector<std::string>& options);

// Of a phase that is merged package by package. `atom` is "=CPV::REPOSITORY": Portage need not look
// further, its plan has been made. Without `merges` only a binary package comes of it.
Command compile_command(const std::string& atom, const std::string& root, bool merges);
// From binary packages in PKGDIR, in this order.
Command merge_command(const std::vector<std::string>& cpvs, const std::string& root);
Command uninstall_command(const std::string& cpv, const std::string& root);
// What is left to do then: the phase's own emerge, which merges again nothing that is there, and
// writes the world file.
Command end_command(const spec::Phase& phase);
// `emerge --unmerge`; empty when the phase unmerges nothing.
std::vector<Command> unmerge_commands(const spec::Phase& phase);
// `emerge --depclean` of what nothing in the root's world needs to run; empty without 'depclean'.
std::vector<Command> depclean_commands(const spec::Phase& phase);
// The same for a root that lacks what its packages ask for, because it was unmerged: emerge goes on
// then only when it is told each package to consider. `installed`: all of the root.
Command depclean_despite_missing(Command depclean, const std::vector<std::string>& installed);

// What builds see as SOURCE_DATE_EPOCH: 2000-01-01, for the times that compilers and archivers put
// into files. One constant, because a package that was built once serves every spec and every
// snapshot of the tree that would build it alike. With it in sight Python writes bytecode that goes
// by its source's hash instead of its time.
constexpr std::int64_t kPackageEpoch = 946684800;

// The fixed environment of every step that runs Portage, the same on every host. Decides results:
// belongs to the key.
Environment base_environment();

// What only speeds emerge up (MAKEOPTS, package jobs): added to the base environment at run time,
// never part of a key. `root` is the phase's: with one, Portage needs another variable to reach
// the packages it merges into '/'.
Environment emerge_environment(const spec::BuildOptions& options, std::string_view root = "/");

}  // namespace gbox::portage
