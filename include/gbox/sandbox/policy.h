// What a sandbox may do: capabilities, system calls, network. Policies are data: the files under
// policies/, built into the program, and files a user keeps beside a spec. Each grant and each
// refusal in them says why. Read by `build` to start a step and to key it: a policy that means
// something else is another step, a comment that changed is not.
//
// A file names groups of calls that it allows (policies/syscalls.toml) and groups of refusals
// (policies/refusals.toml), may add refusals of its own, and always has those of
// policies/bounds.toml, which nothing lifts.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"

namespace gbox::sandbox {

// Capabilities and the reason they are granted for.
struct Grant {
  std::vector<std::string> names;  // without "CAP_"
  std::string why;
  Location where;
};

struct CallGroup {
  std::string name;
  std::string about;
  std::vector<std::string> calls;
};

// Calls answered with an error, always or by the low 32 bits of one argument.
struct Refusal {
  enum class Match {
    among,       // they are one of `low32`
    other_than,  // they are none of `low32`
    any_bit,     // they share a bit with one of `low32`
  };
  std::vector<std::string> calls;
  int argument = -1;  // 0…5; -1: whatever the arguments
  Match match = Match::among;
  std::vector<std::uint32_t> low32;
  int error_number = EPERM;
  std::string why;
  Location where{};
  bool fixed = false;  // of policies/bounds.toml: nothing lifts it
};

// Paths that a step does not get as the root has them, and why. What is not there is passed over;
// what is mounted below a read-only path stays as it is.
struct PathRule {
  std::vector<std::string> paths;  // absolute and normalized
  std::string why;
  Location where;
};

// A bound of setrlimit(2), soft and hard; a lower one of the caller's stays.
struct ResourceRule {
  std::string name;  // "nofile", as in resource_number()
  std::uint64_t most = 0;
  std::string why;
  Location where;
};

// A limit as it is written. What there is and what it means is known to `spec` and `build`.
struct LimitWord {
  std::string name;
  std::string text;
  Location where;
};

enum class Network {
  none,   // loopback only
  fetch,  // what the user can reach, but for the host's loopback, by pasta or slirp4netns
  host,   // the host's own: only where a spec asks for it by name
};
std::string_view to_string(Network network);

struct Policy {
  std::string name;
  std::string about;
  std::string file;                        // as shown to a person
  std::vector<Grant> grants;               // in file order
  std::vector<std::string> capabilities;   // all of them
  std::vector<CallGroup> groups;           // in file order
  std::vector<std::string> allowed_calls;  // the union of the groups
  std::vector<Refusal> refusals;           // the first that fits decides
  bool no_new_privileges = false;          // setuid programs give nothing
  Network network = Network::none;         // the most that a phase may ask for
  std::vector<PathRule> hidden;            // seen as an empty directory or file
  std::vector<PathRule> read_only;
  std::vector<ResourceRule> resources;
  std::vector<LimitWord> limits;  // the most; decide nothing about a result
  Digest digest;                  // of what it means; see content_of()
};

// What a policy says to one call.
struct Decision {
  enum class Kind { allowed, refused, unknown } kind = Kind::unknown;
  const Refusal* refusal = nullptr;  // of the policy that was asked; when refused
  // What the caller sees; 0 when it is allowed.
  [[nodiscard]] int error_number() const noexcept;
};
Decision decide(const Policy& policy, std::string_view call,
                const std::array<std::uint64_t, 6>& arguments);

// A built-in policy by name. Throws Error (usage) with the known names and a suggestion.
Policy load_policy(std::string_view name);
std::vector<std::string> policy_names();

// A policy of a user's own. `file` names the text in errors and names the policy. Throws SpecError
// with every fault found.
Policy parse_policy(std::string_view file, std::string_view text);

// Why no policy grants this capability; nothing when one may.
std::optional<std::string> bound_of(std::string_view capability);

// RLIMIT_* by its name in lower case, of those that a policy may bound.
std::optional<int> resource_number(std::string_view name);

// The paths of all rules, in their order.
std::vector<std::string> paths_of(const std::vector<PathRule>& rules);

// What a step may do under this policy, as one canonical text without names and reasons.
std::string content_of(const Policy& policy);

// The condition of a refusal in words: "when argument 1 is 0x5412 or 0x541c"; "" when it has none.
std::string condition_text(const Refusal& refusal);

// The program's own lists, for parse_policy() with others in tests.
struct PolicyLibrary {
  std::string_view groups;
  std::string_view refusals;
  std::string_view bounds;
};
Policy parse_policy(std::string_view file, std::string_view text, const PolicyLibrary& library);

}  // namespace gbox::sandbox
