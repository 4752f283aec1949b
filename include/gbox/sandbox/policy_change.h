// What a spec changes about a policy for one phase: it may narrow it at will, and widen it where it
// says why. Nothing widens past policies/bounds.toml.
#pragma once

#include <string>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/sandbox/policy.h"

namespace gbox::sandbox {

// A word of a spec, and where it stands.
struct Word {
  std::string value;
  Location where;
};

struct Narrowing {
  Location where;
  std::vector<Word> capabilities;
  std::vector<Word> groups;  // of system calls
  std::vector<Word> calls;
};

struct Widening {
  Location where;
  std::vector<Word> capabilities;
  std::vector<Word> calls;
  std::string why;
};

// Takes away what is named; a call is answered with EPERM then. Throws SpecError for what the
// policy does not grant in the first place, and for what no program can start without.
void narrow(Policy& policy, const Narrowing& narrowing);

// Grants what is named. Throws SpecError for what cannot be widened, with the reason, and for what
// is granted already.
void widen(Policy& policy, const Widening& widening);

// What `policy` grants and `other` does not, in words such as "capability SYS_NICE" and "system
// call io_uring_setup"; empty: it is a part of the other.
std::vector<std::string> beyond(const Policy& policy, const Policy& other);

}  // namespace gbox::sandbox
