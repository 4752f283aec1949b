// What a sandbox may do: capabilities, system calls, network. Policies are the data files under
// policies/, built into the program; each grant in them says why. Read by `build` to start a step
// and to key it: a changed policy is a changed step.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"

namespace gbox::sandbox {

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
};

struct Policy {
  std::string name;
  std::string about;
  std::vector<std::string> capabilities;   // without "CAP_", in file order
  std::vector<std::string> allowed_calls;  // the union of the groups it names
  std::vector<Refusal> refusals;
  Digest digest;  // of the policy file and the syscall groups it draws on
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

// For policies from elsewhere and for tests: `file` names the text in errors.
Policy parse_policy(std::string_view name, std::string_view text, std::string_view groups_text);

}  // namespace gbox::sandbox
