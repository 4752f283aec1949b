// The labels that gbox itself gives an image: what somebody who has only the image must know before
// trusting or running it. The spec's own labels of the same names win.
#pragma once

#include <map>
#include <string>

#include "gbox/build/policies.h"
#include "gbox/spec/spec.h"

namespace gbox::build {

// For what processor its programs were compiled: a -march= of common_flags, "znver3".
constexpr char kMarchLabel[] = "gbox.march";
// Inputs that were taken without a signature because the spec said so: "base gentoo".
constexpr char kUnverifiedLabel[] = "gbox.unverified";

// What the image was made of: "stage3-amd64-openrc-….tar.xz sha256:…", and of a file that is not
// locked the digest alone: it may be called anything.
constexpr char kBaseLabel[] = "gbox.base";

// Policies that the spec widened, with its reasons: a step of the image could do more than gbox's
// own policies allow.
constexpr char kWidenedLabel[] = "gbox.policy.widened";

// What a widened policy of a phase is called in there.
std::string widened_policies(const std::map<std::string, PhasePolicy>& policies);

// `spec` with what 'native' means put in (apply_native).
std::map<std::string, std::string> own_labels(const spec::BuildSpec& spec,
                                              const std::map<std::string, PhasePolicy>& policies);

}  // namespace gbox::build
