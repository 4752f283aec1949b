// What a sandbox may do: capabilities, system calls, network. Policies are the data files under
// policies/, built into the program; each grant in them says why. Read by `build` to start a step
// and to key it: a changed policy is a changed step.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"

namespace gbox::sandbox {

// Calls answered with EPERM, always or when the low 32 bits of one argument are among `low32`.
struct Refusal {
  std::vector<std::string> calls;
  int argument = -1;  // 0…5; -1: whatever the arguments
  std::vector<std::uint32_t> low32;
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

// A built-in policy by name. Throws Error (usage) with the known names and a suggestion.
Policy load_policy(std::string_view name);
std::vector<std::string> policy_names();

// For policies from elsewhere and for tests: `file` names the text in errors.
Policy parse_policy(std::string_view name, std::string_view text, std::string_view groups_text);

}  // namespace gbox::sandbox
