// Remedies that depend on where gbox runs: the place to act is the host, the start line of the
// outer container, or the pod's manifest, and one of them is named, never all. A remedy that
// weakens a protection says so.
#pragma once

#include <string>

#include "gbox/sys/host_facts.h"

namespace gbox::sys {

// The distribution's package that holds newuidmap; all names known when it is none of ours.
std::string uidmap_package(const HostFacts& facts);
std::string install_helpers(const HostFacts& facts);
std::string allow_privilege_escalation(const HostFacts& facts);
std::string allow_unshare(const HostFacts& facts);
std::string unmask_proc(const HostFacts& facts);
std::string apparmor_profile(const HostFacts& facts);
// "usermod …" with the first block that no line of subuid or subgid covers.
std::string add_subordinate_ids(const HostFacts& facts, const std::string& user);
// A place for the store that is likely to be on a local disk.
std::string other_store(const HostFacts& facts);

}  // namespace gbox::sys
