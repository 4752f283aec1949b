#include "gbox/sys/host_profiles.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/json.h"

using namespace gbox;
using namespace gbox::sys;

TEST_CASE("the apparmor profile names the program, gives 'userns' and says how it is installed") {
  const std::string text = apparmor_profile_for("/opt/my tools/gbox");
  CHECK(text.find("profile gbox \"/opt/my tools/gbox\" flags=(unconfined) {\n  userns,\n") !=
        std::string::npos);
  CHECK(text.find("#   gbox doctor --apparmor | sudo tee /etc/apparmor.d/gbox\n"
                  "#   sudo apparmor_parser --replace /etc/apparmor.d/gbox\n") !=
        std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '{') == std::count(text.begin(), text.end(), '}'));
}

TEST_CASE("a path in the apparmor profile is a path, never a pattern, and never ends its quotes") {
  CHECK(apparmor_profile_for("/a*/{b}[c]?").find("\"/a\\*/\\{b\\}\\[c\\]\\?\"") !=
        std::string::npos);
  CHECK_THROWS_AS(apparmor_profile_for("/a\"b"), const Error&);
  CHECK_THROWS_AS(apparmor_profile_for("/a\nb"), const Error&);
}

TEST_CASE("the seccomp profile allows what gbox needs and refuses what reaches the machine") {
  const Json profile = parse_json(seccomp_profile(), "the profile");
  CHECK(profile["defaultAction"] == "SCMP_ACT_ALLOW");
  CHECK(profile["archMap"][0]["subArchitectures"] == Json({"SCMP_ARCH_X86", "SCMP_ARCH_X32"}));
  CHECK(profile["archMap"][1]["subArchitectures"].is_array());
  std::vector<std::string> named;
  for (const Json& rule : profile["syscalls"]) {
    CHECK(rule["action"] == "SCMP_ACT_ERRNO");
    CHECK(rule["errnoRet"].is_number());
    for (const Json& name : rule["names"]) named.push_back(name);
  }
  for (const char* needed :
       {"unshare",   "clone",   "clone3",     "mount",      "umount2",          "pivot_root",
        "setns",     "fsopen",  "fsmount",    "move_mount", "open_tree",        "mount_setattr",
        "openat2",   "chroot",  "ptrace",     "seccomp",    "process_vm_readv", "sethostname",
        "setgroups", "mknodat", "pidfd_open", "personality"})
    CHECK(std::find(named.begin(), named.end(), needed) == named.end());
  for (const char* refused :
       {"bpf", "kexec_load", "init_module", "finit_module", "reboot", "open_by_handle_at",
        "perf_event_open", "userfaultfd", "keyctl", "io_uring_setup", "swapon"})
    CHECK(std::find(named.begin(), named.end(), refused) != named.end());
}
