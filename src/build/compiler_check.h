// Do the spec's compiler flags work? Asked of the base's own compiler as soon as the base is there:
// an unknown flag would else fail in the configure script of some package, an hour later and in
// other words; an instruction that this processor lacks, when a program built on the way is run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/build/observer.h"
#include "gbox/spec/spec.h"
#include "gbox/store/store.h"
#include "inputs.h"

namespace gbox::build {

// Compiles and links an empty program with the flags of `inputs`, on the base `snapshot`. Nothing
// is done where no phase emerges anything, no flag is given, or the base has no working compiler;
// what worked is remembered, and not asked again. Throws SpecError with each faulty flag.
void check_compiler(const Inputs& inputs, store::Store& store, const std::string& snapshot,
                    Observer& observer);

// --- the readers, for tests ---

// A variable of make.conf that holds flags, "native" already replaced.
struct FlagVariable {
  std::string name;   // "CFLAGS"
  std::string flags;  // as written; never empty
  Location where;
};
// CFLAGS, CXXFLAGS and LDFLAGS as the spec gives them. One that refers to other variables is left
// out: only a shell could tell what it means.
std::vector<FlagVariable> flag_variables(const spec::PortageConfig& config);

// The flags as what can be given alone: an option and its argument stay together.
std::vector<std::string> single_flags(std::string_view flags);

// What a compiler said about a flag that it refused.
struct Refusal {
  std::string reason;      // "bad value ('zen6') for '-march=' switch"
  std::string suggestion;  // what it, or nearness, says was meant; may be empty
};
Refusal read_refusal(std::string_view messages, std::string_view flag);

// The names, in /proc/cpuinfo, of x86 instruction sets that code compiled with these predefined
// macros ("__AVX2__") uses. Only those that compilers use by themselves, or sources where the macro
// is defined; in an order that has the telling one first.
std::vector<std::string> needed_features(const std::vector<std::string>& macros);
// Those of `needed` that the processor lacks; none when it tells no features at all.
std::vector<std::string> lacking_features(const std::vector<std::string>& needed,
                                          std::string_view cpuinfo);
// The highest "x86-64-vN" that the processor has; empty: none past the first.
std::string feature_level(std::string_view cpuinfo);

}  // namespace gbox::build
