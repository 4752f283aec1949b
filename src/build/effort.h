// How much of this machine the packages of a phase may take, and what is done when one fails.
// Changes no result.
#pragma once

#include <cstdint>
#include <string>

#include "gbox/build/build.h"
#include "gbox/spec/spec.h"

namespace gbox::build {

struct Effort {
  unsigned packages = 1;           // built at once
  unsigned jobs = 1;               // make jobs, shared by them
  std::uint64_t memory_bytes = 0;  // likewise; 0: without limit
  unsigned attempts = 1;           // of a package that fails
  bool trace_policy = false;       // each call that a step's policy refuses is told
  spec::Limits limits;             // besides, and before, those of the spec
  std::string host_name;           // that steps see; empty: "gbox"
  bool keep_going = false;         // what does not depend on one that failed is built all the same
};

// A compiler takes this much, as Gentoo's handbook and our own measurements have it.
constexpr std::uint64_t kMemoryOfJob = std::uint64_t{2} << 30;

// What was asked for, else what the spec says, else what suits a machine with so many processors
// and so much memory (bytes; 0: unknown).
Effort effort_of(const EffortOptions& asked, const spec::BuildOptions& options, unsigned processors,
                 std::uint64_t memory_bytes);

}  // namespace gbox::build
