// An emerge phase, package by package. Portage's plan is asked once for each pass; every package of
// it is a step of its own, with a snapshot on top of the one before and a binary package in the
// store. What is there is not made again: a snapshot of the same package upon the same things is
// mounted as it is; a package built before, for whichever phase or spec, is merged from its binary
// package; the rest is compiled. So a failure costs the package that failed.
//
// The last step has no package: Portage looks once more with the phase's own words, writes the
// world file, and would merge what the plan had missed; then what else the phase asks for is done.
// The phase's result is one snapshot: all of them flattened.
#pragma once

#include <string>
#include <vector>

#include "step.h"

namespace gbox::build {

// Whether `phase` can be run like this: it emerges something and does nothing else than merging,
// no binary package host has a say (Portage alone judges their packages), and the image is not
// asked to keep binary packages in its own PKGDIR.
bool runs_by_package(const Inputs& inputs, const spec::Phase& phase);

// The keys of the packages that a phase's record was made of; empty when it was run as one.
std::vector<std::string> packages_in(const store::Record& record);

// Runs the phase's step on `parents`. nullopt when Portage has no plan as data, or nothing to
// merge: the phase is then to be run as one. Throws StepFailed, after keeping the failure.
std::optional<store::Record> run_by_package(const StepContext& context, const plan::Step& step,
                                            const spec::Phase& phase,
                                            const std::vector<std::string>& parents);

}  // namespace gbox::build
