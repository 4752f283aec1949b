// The labels that gbox itself gives an image: what somebody who has only the image must know before
// trusting or running it. The spec's own labels of the same names win.
#pragma once

#include <map>
#include <string>

#include "gbox/spec/spec.h"

namespace gbox::build {

// For what processor its programs were compiled: a -march= of common_flags, "znver3".
constexpr char kMarchLabel[] = "gbox.march";
// Inputs that were taken without a signature because the spec said so: "base gentoo".
constexpr char kUnverifiedLabel[] = "gbox.unverified";

// `spec` with what 'native' means put in (apply_native).
std::map<std::string, std::string> own_labels(const spec::BuildSpec& spec);

}  // namespace gbox::build
