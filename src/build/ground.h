// What a ROOT of its own needs before packages can be merged into it, and what they need in it
// without any of them saying so. Portage takes for granted that a root has the layout of '/', a C
// library and the run-time libraries of the compiler: its own @system brings them to '/', nothing
// brings them to a ROOT. gbox takes them over from '/' (take_over.h), where they are what the
// packages were built with.
//
// All of it is done through the step's mount, nothing of the image is run; twice is harmless.
#pragma once

#include <string>
#include <vector>

#include "gbox/spec/spec.h"
#include "take_over.h"

namespace gbox::build {

// Whether the phase builds up a ROOT: it has one, and merges or takes over something.
bool builds_root(const spec::Phase& phase);

// The links that make '/' what it is (/bin → usr/bin and such) and the directories every root has,
// as they are in '/'. First of all, before something else makes /lib a directory.
void lay_skeleton(int rootfd, const spec::Phase& phase);

// What the phase takes over by name ('copy_package'), and what it needs unsaid: when it merges
// something, and neither the root has them nor the phase itself merges them, sys-apps/baselayout,
// and the C library of '/' with its virtual, without what is there to build with it. Throws Error
// (plan), with the spec's place, for a package by name that '/' has not, unless it is passed over.
enum class Absent { refuse, pass_over };
std::vector<TakenOver> take_over_packages(int rootfd, const spec::Phase& phase, Absent absent);

// What was taken over, for a person; empty for nothing.
std::string taken_over_text(const std::string& root, const std::vector<TakenOver>& taken);

}  // namespace gbox::build
