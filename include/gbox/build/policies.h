// The policy of a phase as its sandbox gets it: one of gbox's own or a file beside the spec, with
// what the phase narrows and widens.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gbox/sandbox/policy.h"
#include "gbox/spec/spec.h"

namespace gbox::build {

struct PhasePolicy {
  sandbox::Policy policy;
  std::vector<std::string> widened;   // "capability SYS_NICE", "system call io_uring_setup"
  std::vector<std::string> narrowed;  // likewise
  std::string why;                    // the spec's word for what is widened
  Location where;                     // of that
  spec::Limits limits;                // the policy's own: a spec stays below them
};

// The limits that a policy's words mean. Throws SpecError with those that mean none.
spec::Limits limits_of(const sandbox::Policy& policy);

// The smaller one of each.
spec::Limits tightest(const spec::Limits& one, const spec::Limits& other);

// By phase. `directory` is where relative files start. Throws SpecError with all that is wrong with
// policies, those files included.
std::map<std::string, PhasePolicy> phase_policies(const spec::BuildSpec& spec,
                                                  const std::string& directory);

// "policy 'run', widened by capability SYS_NICE: measures (stage4.toml:14:9)"; empty where nothing
// is widened.
std::string widening_text(const PhasePolicy& policy);

// As build() would choose them, for the spec at this path.
std::map<std::string, PhasePolicy> policies_of_spec(
    const std::string& path, const std::map<std::string, std::string>& overrides);

}  // namespace gbox::build
