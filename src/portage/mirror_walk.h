// Asking mirrors one after the other, each for everything that belongs together: they are not all
// at the same hour, so that a pointer of one and the digests of another need not fit. Called by the
// resolvers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gbox/portage/mirror.h"

namespace gbox::portage {

constexpr std::uint64_t kMaxPointerBytes = 1u << 20;
constexpr std::uint64_t kMaxSignatureBytes = 64u << 10;
constexpr std::uint64_t kMaxListingBytes = 4u << 20;

// The mirror does not have it: not a word against the mirror.
class Missing : public Error {
 public:
  explicit Missing(std::string hint) : Error("not found", ExitCode::input) {
    set_hint(std::move(hint));
  }
};

struct Walk {
  std::string deed;                  // "fetch stage3 'openrc'"
  std::vector<std::string> mirrors;  // one or more
  std::string known_stamp;           // a result older than this is refused; "": none is
  bool newest = false;               // a stale result is only taken when no mirror has a newer one
  std::int64_t now = 0;
};

// The first mirror's result that is good; what others did wrong is a warning, or the error when
// none is left. Errors other than ExitCode::input end the walk.
ResolvedFile walk_mirrors(const Walk& walk, WarningSink& sink,
                          const std::function<ResolvedFile(const std::string& mirror)>& attempt);

// The verified text of a clearsigned file, and a warning when its key ends soon. `ring` nullptr:
// what it says, unverified.
SignedText signed_text(const std::string& content, const std::string& name, const KeyRing* ring,
                       std::int64_t now, WarningSink& sink);

}  // namespace gbox::portage
