// What an administrator installs so that gbox can make its namespaces where the host restricts
// them: texts for `gbox doctor` to print. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gbox::sys {

// An AppArmor profile (apparmor.d(5)) for the program at this absolute path, with the commands that
// install it as comments. It confines nothing: it only gives 'userns', which Ubuntu 23.10 and later
// leave to programs that have a profile. Throws Error (input) for a path that no profile can name.
std::string apparmor_profile_for(std::string_view program);

// A seccomp profile in docker's JSON, for '--security-opt seccomp=FILE' of docker and podman and
// 'Localhost' of kubernetes: what reaches the whole machine is refused, all else allowed.
std::string seccomp_profile();

}  // namespace gbox::sys
