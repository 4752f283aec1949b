// Names of a key's parts, in the order in which they are hashed and compared.
#pragma once

namespace gbox::plan::part {

inline constexpr const char* kKeyFormat = "key-format";       // number
inline constexpr const char* kKind = "kind";                  // "base", "config", "phase"
inline constexpr const char* kParent = "parent";              // key
inline constexpr const char* kBase = "base";                  // {"archive", "format"}
inline constexpr const char* kConfig = "config";              // {FILE: DIGEST}
inline constexpr const char* kDefinition = "definition";      // {FIELD: VALUE}
inline constexpr const char* kSources = "sources";            // [DIGEST], of `copy`
inline constexpr const char* kPolicy = "policy";              // {NAME: DIGEST}
inline constexpr const char* kRepositories = "repositories";  // {NAME: DIGEST}
inline constexpr const char* kBinaryHosts = "binary-hosts";   // {NAME: DIGEST}, of their indexes
inline constexpr const char* kEnvironment = "environment";    // {NAME: VALUE}
inline constexpr const char* kHelpers = "helpers";            // {NAME: VERSION}

}  // namespace gbox::plan::part
