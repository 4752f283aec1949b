// A policy's word on one call, for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gbox/sandbox/policy.h"

namespace gbox::sandbox {

// One answer and when it is given, in the order in which they are tried.
struct Ruling {
  enum class Kind { allowed, refused, unknown } kind = Kind::unknown;
  int error_number = 0;   // 0: allowed
  std::string condition;  // "when argument 2 is 0x5412"; empty: whatever is left
  std::string by;         // "group 'files'"; "policies/bounds.toml:19:1"; empty when unknown
  std::string why;
};

// The last one has no condition.
std::vector<Ruling> explain(const Policy& policy, const std::string& call);

struct CallNumber {
  std::string abi;       // "x86-64", "x32", "i386", …
  std::uint32_t number;  // without x32's bit
};
// Empty when no architecture that a step may use has such a call.
std::vector<CallNumber> numbers_of(const std::string& call);
// "did you mean 'x'?", or where calls are listed.
std::string call_suggestion(const std::string& call);

std::string abi_of(std::uint32_t architecture, std::uint32_t number);
std::string native_abi();

}  // namespace gbox::sandbox
