// Names of a key's parts, in the order in which they are hashed and compared.
#pragma once

#include <utility>

#include "gbox/base/json.h"

namespace gbox::plan::part {

inline constexpr const char* kKeyFormat = "key-format";       // number
inline constexpr const char* kKind = "kind";                  // "base", "config", "phase"
inline constexpr const char* kParent = "parent";              // key
inline constexpr const char* kBase = "base";                  // {"archive", "format"}
inline constexpr const char* kConfig = "config";              // {FILE: DIGEST}
inline constexpr const char* kDefinition = "definition";      // {FIELD: VALUE}
inline constexpr const char* kSources = "sources";            // [DIGEST], of `copy`
inline constexpr const char* kMounts = "mounts";              // {TARGET: DIGEST}, of binds
inline constexpr const char* kPolicy = "policy";              // {NAME: DIGEST}
inline constexpr const char* kRepositories = "repositories";  // {NAME: DIGEST}
inline constexpr const char* kBinaryHosts = "binary-hosts";   // {NAME: DIGEST}, of their indexes
inline constexpr const char* kEnvironment = "environment";    // {NAME: VALUE}
inline constexpr const char* kHelpers = "helpers";            // {NAME: VERSION}

// Of a package.
inline constexpr const char* kPackage = "package";            // {"cpv", "repository"}
inline constexpr const char* kEbuild = "ebuild";              // DIGEST
inline constexpr const char* kEclasses = "eclasses";          // {NAME: DIGEST}
inline constexpr const char* kFiles = "files";                // DIGEST
inline constexpr const char* kDistfiles = "distfiles";        // {NAME: DIGEST}
inline constexpr const char* kUse = "use";                    // {FLAG: bool}
inline constexpr const char* kVariables = "variables";        // {NAME: VALUE}
inline constexpr const char* kHooks = "hooks";                // {PATH: DIGEST}
inline constexpr const char* kNetwork = "network";            // "fetch" or "host"
inline constexpr const char* kDependencies = "dependencies";  // {CPV: IDENTITY}
inline constexpr const char* kStrays = "strays";              // DIGEST
inline constexpr const char* kOnce = "once";                  // text
inline constexpr const char* kRoot = "root";                  // where it is merged

}  // namespace gbox::plan::part

namespace gbox::plan {

inline void add(Json& parts, const char* name, Json value) {
  parts.push_back(Json::array({name, std::move(value)}));
}

}  // namespace gbox::plan
