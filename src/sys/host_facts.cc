#include "gbox/sys/host_facts.h"

#include <pwd.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cstdlib>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"

namespace gbox::sys {

namespace {

std::optional<std::string> text_of(const std::string& path) {
  try {
    return try_read_file(AT_FDCWD, path);
  } catch (const Error&) {
    return std::nullopt;  // unreadable explains as little as missing
  }
}

std::optional<std::string> value_of(const std::string& path) {
  std::optional<std::string> text = text_of(path);
  if (text) text = std::string(trim(*text));
  return text;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool exists(const char* path) {
  return ::access(path, F_OK) == 0;
}

IdHelper find_helper(const std::string& name, const std::string& path_variable) {
  IdHelper helper{name, {}, false, false};
  // Where the package puts them, even when PATH of a cron job or a service leaves that out.
  for (const std::string& directory : split(path_variable + ":/usr/bin:/bin", ':')) {
    if (directory.empty() || directory.front() != '/') continue;
    const std::string path = directory + '/' + name;
    if (::access(path.c_str(), X_OK) != 0) continue;
    helper.path = path;
    struct stat status {};
    struct statvfs filesystem {};
    helper.privileged = (::stat(path.c_str(), &status) == 0 && (status.st_mode & S_ISUID) != 0 &&
                         status.st_uid == 0) ||
                        ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
    helper.nosuid =
        ::statvfs(path.c_str(), &filesystem) == 0 && (filesystem.f_flag & ST_NOSUID) != 0;
    break;
  }
  return helper;
}

Surroundings find_surroundings() {
  if (!environment("KUBERNETES_SERVICE_HOST").empty()) return Surroundings::kubernetes;
  const bool podman = exists("/run/.containerenv");
  const bool docker = exists("/.dockerenv");
  if (!environment("GITLAB_CI").empty() && (podman || docker)) return Surroundings::gitlab;
  if (podman) return Surroundings::podman;
  return docker ? Surroundings::docker : Surroundings::plain;
}

// "\040" → " " (proc(5): blank, tab, newline and backslash are written so).
std::string unescaped(std::string_view text) {
  std::string result;
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

HostFacts read_host_facts() {
  HostFacts facts;
  facts.uid = ::geteuid();
  if (const passwd* entry = ::getpwuid(facts.uid)) facts.user_name = entry->pw_name;
  facts.path_variable = environment("PATH");
  for (const char* name : {"newuidmap", "newgidmap"})
    facts.helpers.push_back(find_helper(name, facts.path_variable));
  facts.subuid = text_of("/etc/subuid").value_or("");
  facts.subgid = text_of("/etc/subgid").value_or("");
  facts.self_status = text_of("/proc/self/status").value_or("");
  facts.mountinfo = text_of("/proc/self/mountinfo").value_or("");
  facts.proc_version = value_of("/proc/version").value_or("");
  facts.os_release = text_of("/etc/os-release").value_or("");
  facts.selinux_label = value_of("/proc/self/attr/current").value_or("");
  facts.max_user_namespaces = value_of("/proc/sys/user/max_user_namespaces");
  facts.unprivileged_userns_clone = value_of("/proc/sys/kernel/unprivileged_userns_clone");
  facts.apparmor_restrict_userns =
      value_of("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  facts.selinux_enforce = value_of("/sys/fs/selinux/enforce");
  utsname names{};
  if (::uname(&names) == 0) facts.kernel_release = names.release;
  try {
    facts.program = readlinkat(AT_FDCWD, "/proc/self/exe");
  } catch (const Error&) {
    facts.program = "gbox";  // no /proc: another check says so
  }
  facts.surroundings = find_surroundings();
  return facts;
}

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> mounts;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto separator = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - separator < 3) continue;
    mounts.push_back({unescaped(fields[4]), fields[5], separator[1], unescaped(separator[2]),
                      fields.end() - separator > 3 ? separator[3] : std::string()});
  }
  return mounts;
}

const MountEntry* mount_of(const std::vector<MountEntry>& mounts, std::string_view path) {
  const MountEntry* best = nullptr;
  for (const MountEntry& mount : mounts) {
    const std::string_view point = mount.point;
    const bool holds =
        point == "/" || path == point || (path.starts_with(point) && path[point.size()] == '/');
    // Of two mounts on one place the later one is on top.
    if (holds && (best == nullptr || point.size() >= best->point.size())) best = &mount;
  }
  return best;
}

bool has_option(std::string_view options, std::string_view option) {
  const std::vector<std::string> list = split(options, ',');
  return std::find(list.begin(), list.end(), option) != list.end();
}

std::string status_field(std::string_view status, std::string_view name) {
  for (const std::string& line : split(status, '\n'))
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':')
      return std::string(trim(std::string_view(line).substr(name.size() + 1)));
  return {};
}

}  // namespace gbox::sys
