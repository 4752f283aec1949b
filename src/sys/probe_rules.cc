#include "gbox/sys/probe_rules.h"

#include <algorithm>
#include <cerrno>

#include "gbox/base/text.h"
#include "gbox/sys/idmap.h"
#include "probe_check.h"
#include "probe_remedies.h"

namespace gbox::sys {

namespace {

bool confined_by_apparmor(const HostFacts& facts) {
  return facts.apparmor_restrict_userns == "1" && facts.uid != 0;
}

Check judge_no_new_privs(const HostFacts& facts) {
  const std::string name = "no-new-privs";
  if (facts.uid == 0) return ok(name, "not needed by root");
  if (status_field(facts.self_status, "NoNewPrivs") != "1") return ok(name, "not set");
  return lack(name, Level::single_id,
              "map ids: run 'newuidmap': no_new_privs is set on this process",
              allow_privilege_escalation(facts), kNoOwners);
}

Check judge_helpers(const HostFacts& facts) {
  const std::string name = "id-helpers";
  if (facts.uid == 0) return ok(name, "not needed by root");
  std::vector<std::string> paths;
  for (const IdHelper& helper : facts.helpers) {
    if (helper.path.empty())
      return lack(name, Level::single_id,
                  "map ids: " + quoted(helper.name) + " is not in PATH (" +
                      quoted(facts.path_variable) + ')',
                  install_helpers(facts), kNoOwners);
    if (helper.nosuid)
      return lack(
          name, Level::single_id,
          "map ids: " + quoted(helper.path) + " is on a file system mounted 'nosuid'",
          "mount it with 'suid', or install " + uidmap_package(facts) + " on another file system",
          kNoOwners);
    if (!helper.privileged)
      return lack(
          name, Level::single_id,
          "map ids: " + quoted(helper.path) + " has neither the setuid bit nor a file capability",
          "reinstall " + uidmap_package(facts) + ", or run 'chmod u+s " + helper.path + "' as root",
          kNoOwners);
    paths.push_back(helper.path);
  }
  return ok(name, join(paths, ", "));
}

Check judge_ranges(const HostFacts& facts) {
  const std::string name = "subordinate-ids";
  if (facts.uid == 0) return ok(name, "root maps ids that no user was given");
  const std::string user = shown_user(facts);
  if (facts.user_name.empty())
    return lack(name, Level::single_id, "map ids: uid " + user + " has no entry in passwd",
                "add an entry for it in '/etc/passwd', or run gbox as a user that has one",
                kNoOwners);
  for (const auto& [file, text] :
       {std::pair<const char*, const std::string&>{"/etc/subuid", facts.subuid},
        {"/etc/subgid", facts.subgid}}) {
    const std::vector<IdRange> ranges = subordinate_ranges(text, facts.user_name, facts.uid);
    if (ranges.empty())
      return lack(name, Level::single_id,
                  "map ids: no range for " + quoted(user) + " (uid " + std::to_string(facts.uid) +
                      ") in " + quoted(file),
                  add_subordinate_ids(facts, user), kNoOwners);
    const std::uint64_t total = total_ids(ranges);
    if (total + 1 < kImageIds)
      return lack(name, Level::single_id,
                  "map ids: " + quoted(file) + " gives " + quoted(user) + ' ' +
                      std::to_string(total) + (total == 1 ? " id" : " ids") + ", an image needs " +
                      std::to_string(kImageIds),
                  add_subordinate_ids(facts, user), kNoOwners);
  }
  return ok(name, std::to_string(
                      total_ids(subordinate_ranges(facts.subuid, facts.user_name, facts.uid))) +
                      " for " + quoted(user));
}

Check judge_user_namespace(const HostFacts& facts, const Deed& deed) {
  const std::string name = "user-namespace";
  if (deed.error_number == 0) return ok(name, "made one");
  const std::string deed_text = "enter sandbox: create user namespace: ";
  const auto refuse = [&](const std::string& cause, const std::string& remedy) {
    return lack(name, Level::none, deed_text + cause, remedy, kNoImages);
  };
  if (facts.max_user_namespaces == "0")
    return refuse("'user.max_user_namespaces' is 0",
                  "on the host, run 'sysctl -w user.max_user_namespaces=28633' as root");
  if (facts.unprivileged_userns_clone == "0" && facts.uid != 0)
    return refuse("'kernel.unprivileged_userns_clone' is 0",
                  "on the host, run 'sysctl -w kernel.unprivileged_userns_clone=1' as root");
  if (deed.error_number == ENOSPC)  // never the disk, whatever strerror says
    return refuse("all " + facts.max_user_namespaces.value_or("?") +
                      " that 'user.max_user_namespaces' allows are in use, or 32 are nested",
                  "on the host, raise 'user.max_user_namespaces', or run gbox less deep inside "
                  "containers");
  if (deed.error_number == EPERM && status_field(facts.self_status, "Seccomp") == "2")
    return refuse("seccomp of the outer container forbids 'unshare'", allow_unshare(facts));
  if (deed.error_number == EPERM && mount_of(parse_mountinfo(facts.mountinfo), "/") == nullptr)
    return refuse("this process runs in a chroot, where the kernel allows none",
                  "run gbox outside of it, or enter it with a tool that pivots (bwrap, "
                  "systemd-nspawn)");
  if (deed.error_number == EINVAL || deed.error_number == ENOSYS)
    return refuse("this kernel (" + quoted(facts.kernel_release) + ") has none",
                  is_wsl1(facts) ? "in windows, run 'wsl --set-version <distro> 2'"
                                 : "use a kernel with CONFIG_USER_NS");
  if (deed.error_number == EPERM)
    return refuse("not permitted, though no switch and no filter forbids it",
                  "in a chroot the kernel allows none: run gbox outside of it, or enter it with a "
                  "tool that pivots (bwrap, systemd-nspawn); else a security module forbids it: "
                  "see the kernel's audit log");
  return refuse(said(deed.error_number), "");
}

std::string hidepid(const HostFacts& facts) {
  for (const MountEntry& mount : parse_mountinfo(facts.mountinfo))
    if (mount.point == "/proc" && mount.type == "proc")
      for (const std::string& option : split(mount.super_options, ','))
        if (option.starts_with("hidepid=") && option != "hidepid=0" && option != "hidepid=off")
          return option;
  return {};
}

Check restricted_by_apparmor(const std::string& name, const HostFacts& facts,
                             const std::string& deed_text) {
  return lack(name, Level::none,
              "enter sandbox: " + deed_text +
                  ": apparmor restricts user namespaces "
                  "('kernel.apparmor_restrict_unprivileged_userns' is 1)",
              apparmor_profile(facts), kNoImages);
}

Check judge_id_map(const HostFacts& facts, const Deed& deed) {
  const std::string name = "id-map";
  if (deed.error_number == 0) return ok(name, deed.detail);
  if (confined_by_apparmor(facts)) return restricted_by_apparmor(name, facts, "write uid map");
  if (const std::string option = hidepid(facts); !option.empty())
    return lack(name, Level::single_id, "map ids: '/proc' is mounted with " + quoted(option),
                "on the host, add 'gid=' of a group you are in to the '/proc' mount", kNoOwners);
  return lack(name, Level::single_id,
              "map ids: " + (deed.detail.empty() ? said(deed.error_number) : deed.detail),
              facts.uid == 0 ? "give root a range in '/etc/subuid' and '/etc/subgid', or run gbox "
                               "as an ordinary user"
                             : "compare the user's lines in '/etc/subuid' and '/etc/subgid' with "
                               "what the namespace gbox runs in maps ('/proc/self/uid_map')",
              kNoOwners);
}

Check judge_mount(const HostFacts& facts, const Deed& deed) {
  const std::string name = "mount";
  if (deed.error_number == 0) return ok(name, "mounted a tmpfs");
  if (deed.error_number == EACCES && facts.selinux_enforce == "1") {
    const std::vector<std::string> label = split(facts.selinux_label, ':');
    return lack(name, Level::none,
                "enter sandbox: mount tmpfs: selinux denies it to " +
                    quoted(label.size() > 2 ? label[2] : facts.selinux_label),
                "start the outer container with '--security-opt label=disable' (no selinux "
                "confinement)",
                kNoImages);
  }
  if (confined_by_apparmor(facts)) return restricted_by_apparmor(name, facts, "mount tmpfs");
  if (deed.error_number == EPERM && status_field(facts.self_status, "Seccomp") == "2")
    return lack(name, Level::none,
                "enter sandbox: mount tmpfs: seccomp of the outer container forbids 'mount'",
                allow_unshare(facts), kNoImages);
  return lack(
      name, Level::none, "enter sandbox: mount tmpfs: " + said(deed.error_number),
      deed.error_number == EACCES ? "a security module forbids it: see the kernel's audit log" : "",
      kNoImages);
}

Check judge_proc(const HostFacts& facts, const Deed& deed) {
  const std::string name = "fresh-proc";
  if (deed.error_number == 0) return ok(name, "mounted in a new pid namespace");
  const std::string lost = "a process list of the sandbox's own, and portage's pid-sandbox";
  std::vector<std::string> masks;
  for (const MountEntry& mount : parse_mountinfo(facts.mountinfo))
    if (mount.point.starts_with("/proc/")) masks.push_back(mount.point);
  if (deed.error_number == EPERM && !masks.empty()) {
    std::string what = quoted(masks.front());
    if (masks.size() > 1) what += " and " + std::to_string(masks.size() - 1) + " more";
    return lack(name, Level::proc_bound,
                "enter sandbox: mount '/proc': " + what + (masks.size() > 1 ? " are" : " is") +
                    " masked by what gbox runs in",
                unmask_proc(facts), lost);
  }
  if (is_gvisor(facts))
    return lack(name, Level::proc_bound,
                "enter sandbox: mount '/proc': kernel is gvisor (" + quoted(facts.kernel_release) +
                    ", runsc)",
                "use a runner without gvisor", lost);
  return lack(name, Level::proc_bound, "enter sandbox: mount '/proc': " + said(deed.error_number),
              "", lost);
}

Check judge_namespaces(const HostFacts& facts, const Deed& deed) {
  const std::string name = "namespaces";
  if (deed.error_number == 0) return ok(name, "network, ipc, host name, cgroup");
  return lack(name, Level::none,
              "enter sandbox: create " + deed.detail + " namespace: " +
                  (deed.error_number == ENOSPC ? "the limit in '/proc/sys/user' is reached"
                                               : said(deed.error_number)),
              deed.error_number == ENOSPC
                  ? "on the host, raise 'user.max_" + deed.detail + "_namespaces'"
              : is_gvisor(facts) ? "use a runner without gvisor"
                                 : "",
              kNoImages);
}

Check judge_cgroup(const HostFacts& facts, const Deed& deed) {
  const std::string name = "cgroup";
  if (deed.error_number == 0) return ok(name, deed.detail + " is ours");
  return lack(name, Level::full, "no cgroup to own: " + deed.detail,
              facts.surroundings == Surroundings::plain && facts.uid != 0
                  ? "on a host with systemd, run 'loginctl enable-linger " + shown_user(facts) +
                        "' as root and log in again"
                  : "",
              "limits on memory and processes by cgroup");
}

// A check that rests on one that failed says so instead of guessing.
void add(std::vector<Check>& checks, const Deed& deed, Check check) {
  if (!deed.tried) {
    std::string missing;
    for (const Check& earlier : checks)
      if (earlier.outcome == Outcome::lack && missing.empty()) missing = earlier.name;
    check.outcome = Outcome::unknown;
    check.reason = missing.empty() ? "not tried" : "not tried: needs " + quoted(missing);
    check.remedy.clear();
    check.lost.clear();
    check.at_most = Level::full;
  }
  checks.push_back(std::move(check));
}

}  // namespace

std::vector<Check> judge_identity(const HostFacts& facts) {
  return {judge_no_new_privs(facts), judge_helpers(facts), judge_ranges(facts)};
}

HostReport judge(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store, Scope scope) {
  HostReport report;
  std::vector<Check>& checks = report.checks;
  if (scope == Scope::everything) {
    checks = judge_identity(facts);
    add(checks, deeds.user_namespace, judge_user_namespace(facts, deeds.user_namespace));
    add(checks, deeds.id_map, judge_id_map(facts, deeds.id_map));
    add(checks, deeds.mount, judge_mount(facts, deeds.mount));
  }
  add(checks, deeds.proc, judge_proc(facts, deeds.proc));
  add(checks, deeds.namespaces, judge_namespaces(facts, deeds.namespaces));
  add(checks, deeds.store_open, judge_store(facts, deeds, store));
  add(checks, deeds.overlay, judge_overlay(facts, deeds, store));
  if (deeds.fuse.tried) add(checks, deeds.fuse, judge_fuse(facts, deeds));
  // Only copies are executed from there, an overlay has a mount of its own.
  if (deeds.store_execute.error_number != 0)
    add(checks, deeds.store_execute, judge_store_execute(facts, deeds, store));
  if (scope == Scope::everything) add(checks, deeds.cgroup, judge_cgroup(facts, deeds.cgroup));
  for (const Check& check : checks)
    if (check.outcome == Outcome::lack && check.at_most < report.level)
      report.level = check.at_most;
  return report;
}

Decision decide_by(const HostReport& report, std::vector<Check> identity,
                   std::optional<Storage> storage) {
  Decision decision;
  decision.lacks = std::move(identity);
  if (!decision.lacks.empty()) decision.means.ids = Ids::single;
  const Check* overlay = nullptr;  // what keeps the kernel from mounting any
  const Check* fuse = nullptr;
  const Check* execute = nullptr;
  for (const Check& check : report.checks) {
    if (check.name == kFuseCheck) fuse = &check;
    if (check.name == kStoreExecuteCheck) execute = &check;
    if (check.outcome != Outcome::lack || check.at_most == Level::full) continue;
    if (check.at_most == Level::proc_bound) decision.means.proc = Proc::bound;
    if (check.at_most == Level::no_kernel_overlay && overlay == nullptr) overlay = &check;
    decision.lacks.push_back(check);
  }
  const bool by_fuse = fuse != nullptr && fuse->outcome == Outcome::ok;
  const Storage best = overlay == nullptr ? Storage::kernel
                       : by_fuse          ? Storage::fuse
                                          : Storage::copy;
  decision.means.storage = storage.value_or(best);
  if (storage == Storage::kernel && overlay != nullptr)
    throw Error(overlay->reason, ExitCode::host)
        .set_hint(overlay->remedy + "; or leave '--storage kernel' out");
  if (storage == Storage::fuse && !by_fuse)
    throw Error(fuse == nullptr ? "mount overlay by 'fuse-overlayfs': not tried" : fuse->reason,
                ExitCode::host)
        .set_hint(fuse == nullptr ? "'gbox doctor' tells what this host can do" : fuse->remedy);
  if (decision.means.storage != Storage::kernel && overlay == nullptr)
    decision.lacks.push_back(
        lack("overlay", Level::no_kernel_overlay,
             "'--storage " + std::string(to_string(decision.means.storage)) + "' was asked for",
             "leave '--storage' out", kSlowRoots));
  for (Check& check : decision.lacks)
    if (check.at_most == Level::no_kernel_overlay)
      check.lost = decision.means.storage == Storage::fuse ? kFuseRoots : kSlowRoots;
  if (decision.means.storage == Storage::copy && execute != nullptr) {
    decision.lacks.push_back(*execute);
    decision.lacks.back().at_most = Level::none;
  }
  decision.level = level_of(decision.means);
  for (const Check& check : decision.lacks)
    decision.level = std::min(decision.level, check.at_most);
  return decision;
}

}  // namespace gbox::sys
