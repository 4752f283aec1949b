#include "probe_remedies.h"

#include <algorithm>

#include "gbox/base/text.h"
#include "gbox/sys/idmap.h"

namespace gbox::sys {

namespace {

// ID and ID_LIKE of os-release(5), as words.
std::vector<std::string> distributions(const HostFacts& facts) {
  std::vector<std::string> words;
  for (const std::string& line : split(facts.os_release, '\n')) {
    if (!line.starts_with("ID=") && !line.starts_with("ID_LIKE=")) continue;
    std::string value = line.substr(line.find('=') + 1);
    std::erase_if(value, [](char c) { return c == '"' || c == '\''; });
    for (const std::string& word : split_words(value)) words.push_back(word);
  }
  return words;
}

// The first multiple of 65536, from 100000 as useradd(8) starts, behind every range of a file.
std::uint64_t first_free(const std::string& file_text) {
  std::uint64_t first = 100000;
  for (const std::string& line : split(file_text, '\n')) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields.size() != 3) continue;
    for (const IdRange& range : subordinate_ranges(line, fields[0], UINT32_MAX))
      first = std::max(first, std::uint64_t{range.first} + range.count);
  }
  return first;
}

}  // namespace

std::string uidmap_package(const HostFacts& facts) {
  for (const std::string& name : distributions(facts)) {
    if (name == "debian" || name == "ubuntu") return "'uidmap'";
    if (name == "fedora" || name == "rhel" || name == "centos") return "'shadow-utils'";
    if (name == "gentoo") return "'sys-apps/shadow'";
    if (name == "alpine") return "'shadow-uidmap'";
    if (name == "arch" || name == "suse" || name == "opensuse") return "'shadow'";
  }
  return "'uidmap' (debian, ubuntu), 'shadow-utils' (fedora) or 'sys-apps/shadow' (gentoo)";
}

std::string install_helpers(const HostFacts& facts) {
  return "install " + uidmap_package(facts);
}

std::string allow_privilege_escalation(const HostFacts& facts) {
  switch (facts.surroundings) {
    case Surroundings::kubernetes:
      return "set 'allowPrivilegeEscalation: true' in the container's securityContext";
    case Surroundings::docker:
    case Surroundings::podman:
    case Surroundings::gitlab:
      return "start the outer container without '--security-opt no-new-privileges'";
    case Surroundings::plain:
      break;
  }
  return "start gbox without no_new_privs (for a systemd service: 'NoNewPrivileges=no')";
}

std::string allow_unshare(const HostFacts& facts) {
  switch (facts.surroundings) {
    case Surroundings::kubernetes:
      return "in the container's securityContext set 'seccompProfile.type: Localhost' with the "
             "profile "
             "that 'gbox doctor --seccomp' prints, or 'Unconfined' (no filter at all)";
    case Surroundings::gitlab:
      return "in the runner's config.toml set 'security_opt = [\"seccomp=/path/gbox.json\"]' below "
             "'[runners.docker]', with the profile that 'gbox doctor --seccomp' prints";
    case Surroundings::docker:
    case Surroundings::podman:
    case Surroundings::plain:
      break;
  }
  return "start the outer container with '--security-opt seccomp=gbox.json', the profile that "
         "'gbox "
         "doctor --seccomp' prints";
}

std::string unmask_proc(const HostFacts& facts) {
  switch (facts.surroundings) {
    case Surroundings::docker:
      return "start the outer container with '--security-opt systempaths=unconfined'";
    case Surroundings::podman:
      return "start the outer container with '--security-opt unmask=ALL'";
    case Surroundings::kubernetes:
      return "set 'procMount: Unmasked' in the container's securityContext (needs "
             "'hostUsers: false')";
    case Surroundings::gitlab:
      return "in the runner's config.toml add 'systempaths=unconfined' to 'security_opt' below "
             "'[runners.docker]'";
    case Surroundings::plain:
      break;
  }
  return "start what gbox runs in without masks over /proc (docker: '--security-opt "
         "systempaths=unconfined', podman: '--security-opt unmask=ALL')";
}

std::string apparmor_profile(const HostFacts& facts) {
  return "install the profile for '" + facts.program +
         "' that 'gbox doctor --apparmor' prints, with the commands in it; or lift the restriction "
         "for "
         "every program with 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0' as root";
}

std::string add_subordinate_ids(const HostFacts& facts, const std::string& user) {
  const std::uint64_t first = std::max(first_free(facts.subuid), first_free(facts.subgid));
  const std::string range = std::to_string(first) + '-' + std::to_string(first + kImageIds - 1);
  return "run 'usermod --add-subuids " + range + " --add-subgids " + range + ' ' + user +
         "' as root";
}

std::string other_store(const HostFacts& facts) {
  return "'--store /var/tmp/gbox-" + std::to_string(facts.uid) + '\'';
}

}  // namespace gbox::sys
