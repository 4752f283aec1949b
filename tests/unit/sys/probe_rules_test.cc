#include "gbox/sys/probe_rules.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>

#include "gbox/base/error.h"
#include "probe_fixture.h"

using namespace gbox;
using namespace gbox::sys;
using namespace gbox::sys::test;

namespace {

struct Row {
  const char* what;
  std::function<void(HostFacts&, Deeds&, StoreFacts&)> change;
  std::string name;
  Level level;
  std::string reason;
  std::string remedy;
};

HostReport judged(const Row& row) {
  HostFacts facts = good_facts();
  Deeds deeds = good_deeds();
  StoreFacts store = good_store();
  row.change(facts, deeds, store);
  return judge(facts, deeds, store, Scope::everything);
}

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const HostReport report = judged(row);
    CHECK(to_string(report.level) == to_string(row.level));
    const Check* lack = report.first_lack();
    if (lack == nullptr) {
      FAIL_CHECK("no lack found");
      continue;
    }
    CHECK(lack->name == row.name);
    CHECK(lack->reason == row.reason);
    CHECK(lack->remedy == row.remedy);
    CHECK_FALSE(lack->lost.empty());
  }
}

#define CHANGE [](HostFacts & f, Deeds & d, StoreFacts & s)
// Most rows change one or two of the three.
#define UNUSED (void)f, (void)d, (void)s

}  // namespace

TEST_CASE("a host that has everything is at level full, and every check says what it found") {
  const HostReport report = judge(good_facts(), good_deeds(), good_store(), Scope::everything);
  CHECK(report.level == Level::full);
  CHECK(report.first_lack() == nullptr);
  for (const Check& check : report.checks) {
    CAPTURE(check.name);
    CHECK(check.outcome == Outcome::ok);
    CHECK(check.remedy.empty());
  }
}

TEST_CASE("user namespaces that cannot be made are explained by what forbids them") {
  check_rows({
      {"A1: no namespaces allowed", CHANGE {
         UNUSED;
         f.max_user_namespaces = "0";
         d.user_namespace.error_number = ENOSPC;
}
, "user-namespace", Level::none,
    "enter sandbox: create user namespace: 'user.max_user_namespaces' is 0",
    "on the host, run 'sysctl -w user.max_user_namespaces=28633' as root"
}
, {"A1: debian's switch", CHANGE{UNUSED;
f.unprivileged_userns_clone = "0";
d.user_namespace.error_number = EPERM;
}
, "user-namespace", Level::none,
    "enter sandbox: create user namespace: 'kernel.unprivileged_userns_clone' is 0",
    "on the host, run 'sysctl -w kernel.unprivileged_userns_clone=1' as root"
}
, {"A1: the limit is used up, which is not the disk", CHANGE{UNUSED;
f.max_user_namespaces = "10";
d.user_namespace.error_number = ENOSPC;
}
, "user-namespace", Level::none,
    "enter sandbox: create user namespace: all 10 that 'user.max_user_namespaces' allows are "
    "in use, or 32 are nested",
    "on the host, raise 'user.max_user_namespaces', or run gbox less deep inside containers"
}
, {"A3: seccomp, docker", CHANGE{UNUSED;
f.self_status = "Seccomp:\t2\n";
f.surroundings = Surroundings::docker;
d.user_namespace.error_number = EPERM;
}
, "user-namespace", Level::none,
    "enter sandbox: create user namespace: seccomp of the outer container forbids 'unshare'",
    "start the outer container with '--security-opt seccomp=gbox.json', the profile that 'gbox "
    "doctor --seccomp' prints"
}
, {"A3: seccomp, kubernetes", CHANGE{UNUSED;
f.self_status = "Seccomp:\t2\n";
f.surroundings = Surroundings::kubernetes;
d.user_namespace.error_number = EPERM;
}
, "user-namespace", Level::none,
    "enter sandbox: create user namespace: seccomp of the outer container forbids 'unshare'",
    "in the container's securityContext set 'seccompProfile.type: Localhost' with the profile "
    "that 'gbox doctor --seccomp' prints, or 'Unconfined' (no filter at all)"
}
, {"a chroot", CHANGE{UNUSED;
f.mountinfo = "22 21 0:20 / /proc rw - proc proc rw\n";
d.user_namespace.error_number = EPERM;
}
, "user-namespace", Level::none,
    "enter sandbox: create user namespace: this process runs in a chroot, where the kernel "
    "allows none",
    "run gbox outside of it, or enter it with a tool that pivots (bwrap, systemd-nspawn)"
}
, {"A16: wsl 1", CHANGE{UNUSED;
f.proc_version = "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)";
f.kernel_release = "4.4.0-19041-Microsoft";
d.user_namespace.error_number = EINVAL;
}
, "user-namespace", Level::none,
    "enter sandbox: create user namespace: this kernel ('4.4.0-19041-Microsoft') has none",
    "in windows, run 'wsl --set-version <distro> 2'"
}
,
});
}

TEST_CASE("ids that cannot be mapped are explained by the first cause in the chain") {
  check_rows({
      {"A2: apparmor lets the namespace be made and forbids its map", CHANGE {
         UNUSED;
         f.apparmor_restrict_userns = "1";
         d.id_map = {true, EPERM, "newuidmap: Operation not permitted"};
}
, "id-map", Level::none,
    "enter sandbox: write uid map: apparmor restricts user namespaces "
    "('kernel.apparmor_restrict_unprivileged_userns' is 1)",
    "install the profile for '/usr/bin/gbox' that 'gbox doctor --apparmor' prints, with the "
    "commands in it; or lift the restriction for every program with 'sysctl -w "
    "kernel.apparmor_restrict_unprivileged_userns=0' as root"
}
, {"A2: apparmor strips capabilities, seen at the first mount", CHANGE{UNUSED;
f.apparmor_restrict_userns = "1";
d.mount.error_number = EACCES;
}
, "mount", Level::none,
    "enter sandbox: mount tmpfs: apparmor restricts user namespaces "
    "('kernel.apparmor_restrict_unprivileged_userns' is 1)",
    "install the profile for '/usr/bin/gbox' that 'gbox doctor --apparmor' prints, with the "
    "commands in it; or lift the restriction for every program with 'sysctl -w "
    "kernel.apparmor_restrict_unprivileged_userns=0' as root"
}
, {"A4: no_new_privs in a pod, before its consequences", CHANGE{UNUSED;
f.self_status = "NoNewPrivs:\t1\nSeccomp:\t2\n";
f.surroundings = Surroundings::kubernetes;
d.id_map = {true, EPERM, "newuidmap: Could not set caps"};
}
, "no-new-privs", Level::single_id, "map ids: run 'newuidmap': no_new_privs is set on this process",
    "set 'allowPrivilegeEscalation: true' in the container's securityContext"
}
, {"A5: the helper lost its privilege", CHANGE{UNUSED;
f.helpers[0].privileged = false;
}
, "id-helpers", Level::single_id,
    "map ids: '/usr/bin/newuidmap' has neither the setuid bit nor a file capability",
    "reinstall 'uidmap', or run 'chmod u+s /usr/bin/newuidmap' as root"
}
, {"A13: the helper's file system is nosuid", CHANGE{UNUSED;
f.helpers[1].nosuid = true;
}
, "id-helpers", Level::single_id,
    "map ids: '/usr/bin/newgidmap' is on a file system mounted 'nosuid'",
    "mount it with 'suid', or install 'uidmap' on another file system"
}
, {"A6: no helper, gentoo", CHANGE{UNUSED;
f.helpers[0].path.clear();
f.os_release = "ID='gentoo'\n";
}
, "id-helpers", Level::single_id, "map ids: 'newuidmap' is not in PATH ('/usr/bin:/bin')",
    "install 'sys-apps/shadow'"
}
, {"A6: no helper, a distribution like fedora", CHANGE{UNUSED;
f.helpers[0].path.clear();
f.os_release = "ID=rocky\nID_LIKE=\"rhel centos fedora\"\n";
}
, "id-helpers", Level::single_id, "map ids: 'newuidmap' is not in PATH ('/usr/bin:/bin')",
    "install 'shadow-utils'"
}
, {"A7: no line; the proposed range is nobody else's", CHANGE{UNUSED;
f.subuid = "bob:100000:65536\n";
}
, "subordinate-ids", Level::single_id, "map ids: no range for 'ana' (uid 1003) in '/etc/subuid'",
    "run 'usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ana' as root"
}
, {"A7: a line in subuid only", CHANGE{UNUSED;
f.subgid.clear();
f.subuid = "1003:200000:65536\n";
}
, "subordinate-ids", Level::single_id, "map ids: no range for 'ana' (uid 1003) in '/etc/subgid'",
    "run 'usermod --add-subuids 265536-331071 --add-subgids 265536-331071 ana' as root"
}
, {"A8: a range of one", CHANGE{UNUSED;
f.subuid = "ana:21204:1\n";
}
, "subordinate-ids", Level::single_id,
    "map ids: '/etc/subuid' gives 'ana' 1 id, an image needs 65536",
    "run 'usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ana' as root"
}
, {"A9: an id without an account", CHANGE{UNUSED;
f.uid = 1000620000;
f.user_name.clear();
}
, "subordinate-ids", Level::single_id, "map ids: uid 1000620000 has no entry in passwd",
    "add an entry for it in '/etc/passwd', or run gbox as a user that has one"
}
, {"A12: hidepid", CHANGE{UNUSED;
f.mountinfo =
    "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "22 21 0:20 / /proc rw - proc proc rw,hidepid=2\n";
d.id_map = {true, EPERM, "open '/proc/4711/uid_map': Operation not permitted"};
}
, "id-map", Level::single_id, "map ids: '/proc' is mounted with 'hidepid=2'",
    "on the host, add 'gid=' of a group you are in to the '/proc' mount"
}
, {"the helper's own words, when nothing explains them", CHANGE{UNUSED;
d.id_map = {true, EPERM, "run '/usr/bin/newuidmap': newuidmap: uid range not allowed"};
}
, "id-map", Level::single_id, "map ids: run '/usr/bin/newuidmap': newuidmap: uid range not allowed",
    "compare the user's lines in '/etc/subuid' and '/etc/subgid' with what the namespace gbox "
    "runs in maps ('/proc/self/uid_map')"
}
,
});
}

TEST_CASE("mounts that are refused name who refuses") {
  check_rows({
      {"A11: a masked proc, docker", CHANGE {
         UNUSED;
         f.surroundings = Surroundings::docker;
         f.mountinfo += "30 22 0:30 / /proc/kcore rw - tmpfs tmpfs rw\n"
                        "31 22 0:30 / /proc/keys rw - tmpfs tmpfs rw\n"
                        "32 22 0:20 /sys /proc/sys ro - proc proc rw\n";
         d.proc.error_number = EPERM;
}
, "fresh-proc", Level::proc_bound,
    "enter sandbox: mount '/proc': '/proc/kcore' and 2 more are masked by what gbox runs in",
    "start the outer container with '--security-opt systempaths=unconfined'"
}
, {"A11: one mask of unknown origin", CHANGE{UNUSED;
f.mountinfo += "30 22 0:30 / /proc/meminfo rw - fuse.lxcfs lxcfs rw\n";
d.proc.error_number = EPERM;
}
, "fresh-proc", Level::proc_bound,
    "enter sandbox: mount '/proc': '/proc/meminfo' is masked by what gbox runs in",
    "start what gbox runs in without masks over /proc (docker: '--security-opt "
    "systempaths=unconfined', podman: '--security-opt unmask=ALL')"
}
, {"A15: gvisor has no overlay", CHANGE{UNUSED;
f.proc_version = "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016";
f.kernel_release = "4.4.0";
d.overlay = {true, EPERM, "mount"};
}
, "overlay", Level::no_kernel_overlay,
    "enter sandbox: mount overlay: kernel is gvisor ('4.4.0', runsc)", "use a runner without gvisor"
}
, {"A16: an old kernel", CHANGE{UNUSED;
f.kernel_release = "5.10.0-28-amd64";
d.overlay = {true, EPERM, "mount"};
}
, "overlay", Level::no_kernel_overlay,
    "enter sandbox: mount overlay: kernel '5.10.0-28-amd64' has no overlay for user namespaces "
    "(linux 5.11 has)",
    "use a newer kernel"
}
, {"A17: selinux", CHANGE{UNUSED;
f.selinux_enforce = "1";
f.selinux_label = "system_u:system_r:container_t:s0:c1,c2";
d.mount.error_number = EACCES;
}
, "mount", Level::none, "enter sandbox: mount tmpfs: selinux denies it to 'container_t'",
    "start the outer container with '--security-opt label=disable' (no selinux confinement)"
}
, {"the host allows no network namespace", CHANGE{UNUSED;
d.namespaces = {true, ENOSPC, "net"};
}
, "namespaces", Level::none,
    "enter sandbox: create net namespace: the limit in '/proc/sys/user' is reached",
    "on the host, raise 'user.max_net_namespaces'"
}
,
});
}

TEST_CASE("a store on a file system that cannot hold it is refused by that file system's name") {
  check_rows({
      {"A13: noexec", CHANGE {
         UNUSED;
         s = {"/home/ana/gbox", "/home/ana", "", {}};
         d.execute.error_number = EACCES;
}
, "overlay", Level::none, "open store '/home/ana/gbox': '/home' is mounted 'noexec'",
    "choose another place with '--store /var/tmp/gbox-1003'"
}
, {"B1: overlay on overlay", CHANGE{UNUSED;
s = {"/ovl/gbox", "/ovl", "", {}};
d.overlay = {true, EINVAL, "mount"};
}
, "overlay", Level::no_kernel_overlay,
    "open store '/ovl/gbox': it lies on overlay, which cannot hold an overlay",
    "mount a volume and pass '--store DIR' on it"
}
, {"B2: nfs", CHANGE{UNUSED;
s = {"/srv/gbox", "/srv/gbox", "", {}};
d.store_chown.error_number = EPERM;
}
, "store", Level::none,
    "open store '/srv/gbox': it lies on nfs ('filer:/srv'), whose server does not know mapped "
    "ids",
    "use a local disk: '--store /var/tmp/gbox-1003'"
}
, {"B3: no user extended attributes", CHANGE{UNUSED;
s = {"/crypt/gbox", "/crypt", "", {}};
d.store_xattr.error_number = EOPNOTSUPP;
d.overlay = {true, EINVAL, "mount"};
}
, "store", Level::none, "open store '/crypt/gbox': 'ecryptfs' has no user extended attributes",
    "use '--store' on ext4, xfs, btrfs or tmpfs (linux 6.6 or newer)"
}
, {"B9: letters' case is lost", CHANGE{UNUSED;
d.store_case.detail = "folds";
}
, "store", Level::none, "open store '/var/gbox': the file system does not tell 'a' from 'A'",
    "use a path inside linux, such as '--store /var/tmp/gbox-1003'"
}
, {"B10: a parent that mapped ids cannot pass", CHANGE{UNUSED;
s = {"/run/media/sd/gbox", "/run/media/sd", "", "/run/media"};
d.store_open.error_number = EACCES;
}
, "store", Level::none,
    "open store '/run/media/sd/gbox': '/run/media' cannot be passed by mapped ids",
    "run 'chmod o+x /run/media', or use '--store /var/tmp/gbox-1003'"
}
, {"B6: no space or inodes", CHANGE{UNUSED;
d.store_open.error_number = ENOSPC;
}
, "store", Level::none, "open store '/var/gbox': no space or no inodes are left there",
    "free some, or use '--store /var/tmp/gbox-1003'"
}
, {"B7: quota", CHANGE{UNUSED;
d.store_open.error_number = EDQUOT;
}
, "store", Level::none, "open store '/var/gbox': the quota of 'ana' is used up",
    "use '--store /var/tmp/gbox-1003'"
}
, {"an overlay that mounts and then fails", CHANGE{UNUSED;
d.overlay = {true, EIO, "remove a directory"};
}
, "overlay", Level::no_kernel_overlay,
    "open store '/var/gbox': an overlay on 'ext4' fails at 'remove a directory': Input/output "
    "error",
    "use '--store' on ext4, xfs, btrfs or tmpfs (linux 6.6 or newer)"
}
,
});
}

TEST_CASE("what rests on a failed check is not guessed at") {
  HostFacts facts = good_facts();
  facts.helpers[0].path.clear();
  Deeds deeds;
  deeds.user_namespace.tried = true;
  const HostReport report = judge(facts, deeds, good_store(), Scope::everything);
  CHECK(report.level == Level::single_id);
  for (const Check& check : report.checks) {
    CAPTURE(check.name);
    if (check.name == "id-map" || check.name == "overlay" || check.name == "fresh-proc") {
      CHECK(check.outcome == Outcome::unknown);
      CHECK(check.reason == "not tried: needs 'id-helpers'");
    }
  }
}

TEST_CASE("no cgroup of one's own is said, and costs no level") {
  Deeds deeds = good_deeds();
  deeds.cgroup = {true, EACCES, "'/sys/fs/cgroup/user.slice' is not writable"};
  const HostReport report = judge(good_facts(), deeds, good_store(), Scope::everything);
  CHECK(report.level == Level::full);
  CHECK(report.first_lack() == nullptr);
  CHECK(report.checks.back().outcome == Outcome::lack);
  CHECK(report.checks.back().reason ==
        "no cgroup to own: '/sys/fs/cgroup/user.slice' is not writable");
}

TEST_CASE("root needs no helper and no subordinate range of its own") {
  HostFacts facts = good_facts();
  facts.uid = 0;
  facts.user_name = "root";
  facts.helpers[0].path.clear();
  facts.subuid.clear();
  facts.self_status = "NoNewPrivs:\t1\n";
  CHECK(judge(facts, good_deeds(), good_store(), Scope::everything).level == Level::full);
}

TEST_CASE("inside the namespace only what is left is judged") {
  HostFacts facts = good_facts();
  facts.helpers.clear();
  Deeds deeds = good_deeds();
  deeds.user_namespace = {};
  const HostReport report = judge(facts, deeds, good_store(), Scope::inside_namespace);
  CHECK(report.level == Level::full);
  for (const Check& check : report.checks) CHECK(check.outcome == Outcome::ok);
}

TEST_CASE("the mount that holds a path is the longest, and of two the later") {
  const auto mounts = parse_mountinfo(
      "21 1 8:1 / / rw - ext4 /dev/a rw\n"
      "22 21 8:2 / /home rw - xfs /dev/b rw\n"
      "23 21 8:3 / /home\\040two ro,noexec shared:2 master:1 - btrfs /dev/c\\011d rw,x=1\n"
      "24 22 8:4 / /home rw - tmpfs tmpfs rw\n"
      "garbage\n");
  REQUIRE(mounts.size() == 4);
  CHECK(mount_of(mounts, "/home/ana")->type == "tmpfs");
  CHECK(mount_of(mounts, "/homes")->type == "ext4");
  CHECK(mount_of(mounts, "/home two/x")->type == "btrfs");
  CHECK(mounts[2].source == "/dev/c\td");
  CHECK(has_option(mounts[2].options, "noexec"));
  CHECK_FALSE(has_option(mounts[2].options, "exec"));
  CHECK(mount_of({}, "/") == nullptr);
  CHECK(status_field("Seccomp_filters:\t3\nSeccomp:\t2\n", "Seccomp") == "2");
}
