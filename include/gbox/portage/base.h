// Is the unpacked base something gbox can build on: does it have Portage, and can this machine run
// its programs. Asked right after unpacking, long before the first emerge would fail.
#pragma once

#include <string>

#include "gbox/spec/spec.h"

namespace gbox::portage {

struct BaseInfo {
  std::string architecture;      // as `uname -m` says: "x86_64", "aarch64", …
  std::string oci_architecture;  // as the OCI image spec says: "amd64", "arm64", …
  std::string oci_variant;       // "v7" for 32-bit ARM with hard floats; else empty
};

// `rootfd` is the base's root directory, `host_machine` what uname(2) says here. Throws Error
// (input) with a hint when the architecture is not one this host runs, when the base has no shell
// or, if a phase of `spec` needs it, no emerge.
BaseInfo check_base(int rootfd, const spec::BuildSpec& spec, const std::string& host_machine);

}  // namespace gbox::portage
