// The key of one package's build: what decides the binary package that comes out of it, and nothing
// else. Pure. Whatever order packages come in, whatever else is in the plan, and whichever spec
// asks: equal keys mean that the package need not be compiled again.
//
// What enters, and why the rest does not:
//   the ebuild, its eclasses, files/ and distfiles, by digest: the recipe;
//   USE as resolved, the variables of the configuration that reach an ebuild, bashrc files and
//   user patches, the sandbox's policy, environment and network: how it is built;
//   `dependencies`: all that is installed and that the build may read, which is the toolchain, the
//   build-time dependencies and what those need at run time; each by its own key when gbox has
//   built it, else by its files. So a key stands for the whole tree of builds behind it;
//   `strays`: what scripts and copies of earlier phases put where builds look.
//   Not: what else is installed, the base's name or digest, the merge order, ROOT, jobs, times.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gbox/base/json.h"

namespace gbox::plan {

// Raised when the meaning of a field changes; every package is then built anew.
constexpr int kPackageKeyFormat = 1;

// Digests and identities are opaque text here.
struct PackageInputs {
  std::string cpv;
  std::string repository;
  std::string ebuild;
  std::map<std::string, std::string> eclasses;   // name → digest
  std::string files;                             // of files/; empty: there is none
  std::map<std::string, std::string> distfiles;  // name → digest
  std::map<std::string, bool> use;               // flag of IUSE → whether it is on
  std::map<std::string, std::string> variables;  // name → value; not those of `environment`
  std::map<std::string, std::string> hooks;      // bashrc files and patches: path → digest
  std::map<std::string, std::string> policy;     // name → digest
  std::vector<std::pair<std::string, std::string>> environment;  // fixed one of every sandbox
  std::string network;                                           // "none", "host"
  std::map<std::string, std::string> dependencies;               // cpv → identity
  std::string strays;                                            // digest; empty: there are none
  std::string once;  // of an ebuild that fetches by itself: what it is built for; empty: reusable
};

// The parts of the key, in the form of plan.h: key_of() gives the key, explain() tells two apart.
Json package_parts(const PackageInputs& inputs);

// The parts of what merging a package into `root` yields upon the result of the step with the key
// `parent`. `package` is the list of parts that says which package: it need hold no more than its
// key, which is made of all others.
Json merge_parts(const std::string& parent, const Json& package, const std::string& root);

}  // namespace gbox::plan
