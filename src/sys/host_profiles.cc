#include "gbox/sys/host_profiles.h"

#include <array>
#include <string>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/json.h"
#include "gbox/base/text.h"

namespace gbox::sys {

namespace {

constexpr char kProfileFile[] = "/etc/apparmor.d/gbox";

// In quotes, with what apparmor.d(5) reads as a pattern taken literally.
std::string quoted_path(std::string_view path) {
  std::string text = "\"";
  for (const char c : path) {
    if (c == '\n' || c == '\0' || c == '"')
      throw Error("print an apparmor profile: it cannot name " + quoted(path), ExitCode::input)
          .set_hint("install gbox at another path");
    if (std::string_view("*?[]{}^\\").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text + '"';
}

// What a container could do to the machine it runs on, were it not for missing capabilities; none
// of it has to do with namespaces. docker's own profile refuses these as well.
constexpr std::array kRefused = {"acct",
                                 "add_key",
                                 "bpf",
                                 "clock_adjtime",
                                 "clock_settime",
                                 "create_module",
                                 "delete_module",
                                 "fanotify_init",
                                 "finit_module",
                                 "get_kernel_syms",
                                 "init_module",
                                 "io_uring_enter",
                                 "ioperm",
                                 "iopl",
                                 "kexec_load",
                                 "kexec_file_load",
                                 "lookup_dcookie",
                                 "move_pages",
                                 "nfsservctl",
                                 "open_by_handle_at",
                                 "perf_event_open",
                                 "query_module",
                                 "quotactl",
                                 "quotactl_fd",
                                 "reboot",
                                 "request_key",
                                 "settimeofday",
                                 "stime",
                                 "swapoff",
                                 "swapon",
                                 "syslog",
                                 "userfaultfd",
                                 "vhangup",
                                 "vm86",
                                 "vm86old"};
// Programs ask for these and do without where the kernel has none.
constexpr std::array kMissing = {"io_uring_register", "io_uring_setup", "keyctl", "uselib",
                                 "ustat"};

template <class Names>
OrderedJson rule(const Names& names, const char* action, int error_number) {
  OrderedJson list = OrderedJson::array();
  for (const char* name : names) list.push_back(name);
  return {{"names", std::move(list)}, {"action", action}, {"errnoRet", error_number}};
}

}  // namespace

std::string apparmor_profile_for(std::string_view program) {
  const std::string path = quoted_path(program);
  return "# Lets gbox make user namespaces where the kernel leaves them to programs with a "
         "profile\n"
         "# ('kernel.apparmor_restrict_unprivileged_userns' is 1). It confines nothing.\n"
         "#\n"
         "# Install it with\n"
         "#   gbox doctor --apparmor | sudo tee " +
         std::string(kProfileFile) +
         "\n"
         "#   sudo apparmor_parser --replace " +
         kProfileFile +
         "\n"
         "# and take it away with\n"
         "#   sudo apparmor_parser --remove " +
         kProfileFile + " && sudo rm " + kProfileFile +
         "\n"
         "abi <abi/4.0>,\n"
         "include <tunables/global>\n"
         "\n"
         "profile gbox " +
         path +
         " flags=(unconfined) {\n"
         "  userns,\n"
         "\n"
         "  include if exists <local/gbox>\n"
         "}\n";
}

std::string seccomp_profile() {
  constexpr int kEperm = 1;  // numbers, as the file is read on another machine
  constexpr int kEnosys = 38;
  OrderedJson profile;
  profile["defaultAction"] = "SCMP_ACT_ALLOW";
  const auto architecture = [](const char* name, const std::vector<std::string>& others) {
    return OrderedJson{{"architecture", name}, {"subArchitectures", OrderedJson(others)}};
  };
  profile["archMap"] =
      OrderedJson::array({architecture("SCMP_ARCH_X86_64", {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}),
                          architecture("SCMP_ARCH_AARCH64", {"SCMP_ARCH_ARM"})});
  profile["syscalls"] = OrderedJson::array(
      {rule(kRefused, "SCMP_ACT_ERRNO", kEperm), rule(kMissing, "SCMP_ACT_ERRNO", kEnosys)});
  return profile.dump(2) + '\n';
}

}  // namespace gbox::sys
