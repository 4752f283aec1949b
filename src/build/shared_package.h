// One package in a directory of include/gbox/build/share.h.
#pragma once

#include <string>

#include "gbox/base/json.h"
#include "gbox/store/record.h"

namespace gbox::build {

// What the documents beside shared packages and caches have in common.
inline constexpr std::uint64_t kSharedVersion = 1;
[[noreturn]] void refuse_shared(const std::string& why);  // Throws Error (input).
// Throws Error (input) unless `document` says `format` and a version that this gbox reads.
void require_format(const Json& document, std::string_view format, std::string_view what);

inline constexpr std::string_view kUnfinished = ".unfinished-";  // how names begin meanwhile
inline constexpr const char* kShareDirectory = "gbox-packages";
inline constexpr std::size_t kMaxSharedFacts = 4u << 20;       // of one KEY.json
inline constexpr std::uint64_t kMaxSharedBytes = 64ull << 30;  // of one file
void require_shared_size(std::uint64_t bytes);                 // Throws Error (input) beyond that.

struct SharedPackage {
  store::Package package;
  std::string place;
};

std::string shared_facts_name(const std::string& key);  // "gbox-packages/KEY.json"
std::string shared_facts(const SharedPackage& shared);
// `name` is the file's, "KEY.json". Throws Error (input) for whatever is not exactly right.
SharedPackage parse_shared_facts(const std::string& text, const std::string& name);

}  // namespace gbox::build
