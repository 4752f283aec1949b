// The run-time libraries of the compiler in a ROOT of its own: libstdc++ and the like belong to the
// compiler's package, which no package names among its dependencies, and which nobody wants in an
// image. Those that objects of the ROOT's packages ask for, and none of these brings, are taken
// over from the compiler in '/': the libraries alone, as with an INSTALL_MASK.
#pragma once

#include <string>
#include <vector>

namespace gbox::build {

struct RuntimeLibraries {
  std::vector<std::string> sonames;   // those that were taken over now
  std::vector<std::string> packages;  // cpvs that they are from
};

// After merging. The directory that the dynamic linker is to find them in goes to an env.d file
// of `root`, where none of it names the directory yet. Throws Error.
RuntimeLibraries add_runtime_libraries(int rootfd, const std::string& root);

// For a person; empty for nothing.
std::string runtime_text(const std::string& root, const RuntimeLibraries& libraries);

}  // namespace gbox::build
