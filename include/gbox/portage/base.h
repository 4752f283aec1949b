// Is the unpacked base something gbox can build on: does it have Portage, and can this machine run
// its programs. Asked right after unpacking, long before the first emerge would fail.
#pragma once

#include <optional>
#include <string>

#include "gbox/spec/spec.h"

namespace gbox::portage {

struct BaseInfo {
  std::string architecture;      // as `uname -m` says: "x86_64", "aarch64", …
  std::string oci_architecture;  // as the OCI image spec says: "amd64", "arm64", …
  std::string oci_variant;       // "v7" for 32-bit ARM with hard floats; else empty
};

// What the head of an ELF file says about the machine it is for.
struct ElfHead {
  bool wide = false;  // 64 bits
  bool little = false;
  unsigned machine = 0;  // e_machine
  unsigned flags = 0;    // e_flags
};
// nullopt: an architecture that gbox does not know.
std::optional<BaseInfo> architecture_of(const ElfHead& head);

// Of the shell, or another of the few programs that every system has, beneath `rootfd`. nullopt:
// none of them is there.
std::optional<ElfHead> machine_of_root(int rootfd);

// `rootfd` is the base's root directory, `host_machine` what uname(2) says here. Throws Error
// (input) with a hint when the architecture is not one this host runs, when the base has no shell
// or, if a phase of `spec` needs it, no emerge. nullopt: an image of few files whose architecture
// only its own configuration tells.
std::optional<BaseInfo> check_base(int rootfd, const spec::BuildSpec& spec,
                                   const std::string& host_machine);

}  // namespace gbox::portage
