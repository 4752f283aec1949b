// Numbers and names of system calls on the architectures a step may use: the native one and its
// 32-bit relatives. From libseccomp's tables.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gbox::sandbox {

inline constexpr std::uint32_t kX32Bit = 0x40000000;  // in a call's number

// An architecture as the kernel reports it to a filter, and the libseccomp tables that number its
// calls: x32 is x86-64 with a bit in the number.
struct FilterArchitecture {
  std::uint32_t audit = 0;
  std::vector<std::uint32_t> tables;
};

std::vector<FilterArchitecture> filter_architectures();

// Number, x32's bit included, to name. Empty for an architecture that is none of the above.
const std::map<std::uint32_t, std::string>& calls_of(std::uint32_t audit);

// "" when nobody has given it one.
std::string call_name(std::uint32_t audit, std::uint32_t number);
// "x86-64", "x32", "i386", "aarch64", "arm"; else the audit value in hexadecimal.
std::string architecture_name(std::uint32_t audit, std::uint32_t number);

// Whether a policy may name this call: libseccomp knows it, or it is one of those that came after
// the oldest libseccomp that gbox builds with.
bool is_call(const std::string& name);
// "did you mean 'x'?", or where names are looked up.
std::string call_hint(const std::string& name);

}  // namespace gbox::sandbox
