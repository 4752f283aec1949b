#include "probe_check.h"

#include <cstdio>
#include <cstring>

namespace gbox::sys {

Check ok(std::string name, std::string reason) {
  return {std::move(name), Outcome::ok, std::move(reason), {}, {}, Level::full};
}

Check lack(std::string name, Level at_most, std::string reason, std::string remedy,
           std::string lost) {
  return {std::move(name),   Outcome::lack,   std::move(reason),
          std::move(remedy), std::move(lost), at_most};
}

std::string said(int error_number) {
  char buffer[128];
  return ::strerror_r(error_number, buffer, sizeof buffer);
}

std::string shown_user(const HostFacts& facts) {
  return facts.user_name.empty() ? std::to_string(facts.uid) : facts.user_name;
}

// gVisor answers uname and /proc/version with one fixed build, whatever the host runs.
bool is_gvisor(const HostFacts& facts) {
  return facts.proc_version.find("Sun Jan 10 15:06:54 PST 2016") != std::string::npos;
}

bool is_wsl1(const HostFacts& facts) {  // WSL 2 says 'microsoft-standard' in lower case
  return facts.proc_version.find("Microsoft") != std::string::npos;
}

bool older_than(const std::string& release, int major, int minor) {
  int found_major = 0;
  int found_minor = 0;
  if (std::sscanf(release.c_str(), "%d.%d", &found_major, &found_minor) != 2) return false;
  return found_major < major || (found_major == major && found_minor < minor);
}

}  // namespace gbox::sys
