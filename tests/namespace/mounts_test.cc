// What is mounted in a step, and that root inside cannot undo it.
#include <doctest/doctest.h>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

// Mount options and type of what is mounted at a place, from the text of mountinfo.
std::string mounted_at(const std::string& mountinfo, const std::string& place) {
  std::string found;  // the last one: the topmost
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::vector<std::string> words = split_words(line);
    if (words.size() < 9 || words[4] != place) continue;
    found = words[5];
    for (std::size_t i = 6; i + 1 < words.size(); ++i)
      if (words[i] == "-") found += ' ' + words[i + 1];
  }
  return found;
}

// A directory of the host with one file, to be shown inside.
struct HostDirectory {
  sys::TempDir dir{"/var/tmp", "gbox-host-"};
  HostDirectory() {
    (void)::fchmod(dir.fd(), 0755);
    sys::write_file_atomically(dir.fd(), "file", "of the host\n", 0666);
  }
  sandbox::Mount mount(std::string target, sandbox::Access access) const {
    return sandbox::bind_mount(AT_FDCWD, dir.path(), std::move(target), access);
  }
};

}  // namespace

TEST_CASE("/dev holds the usual devices, links and directories, and nothing of the host's") {
  const Box box;
  CHECK(box.run("list /dev").out ==
        "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\n"
        "zero\n");
  CHECK(box.run("status /dev/null ; status /dev/zero ; status /dev/full ; status /dev/random ; "
                "status /dev/urandom ; status /dev/tty")
            .out.find("file") == std::string::npos);
  CHECK(box.run("write /dev/null x ; open /dev/zero r ; write /dev/full x ; open /dev/random r ; "
                "open /dev/urandom r ; open /dev/tty rw ; write /dev/stdout x")
            .out == "ok\nok\nENOSPC\nok\nok\nENXIO\nxok\n");
  CHECK(box.run("status /dev/shm ; write /dev/shm/a x ; become 1000 1000 ; write /dev/shm/b x ; "
                "write /dev/c x ; write /dev/null x")
            .out == "directory 1777 0:0\nok\nok\nok\nEACCES\nok\n");
}

TEST_CASE("terminals are the sandbox's own") {
  const Box box;
  CHECK(box.run("list /dev/pts ; new-terminal /dev/ptmx ; new-terminal /dev/pts/ptmx").out ==
        "ptmx\n0\n1\n");
  CHECK(box.run("become 1000 1000 ; new-terminal /dev/ptmx").out == "ok\n0\n");
}

TEST_CASE("/proc shows the step's own processes only") {
  const Box box;
  const std::string listing = box.run("list /proc").out;
  std::vector<std::string> pids;
  for (const std::string& name : split(listing, '\n'))
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos)
      pids.push_back(name);
  CHECK(pids == std::vector<std::string>{"1", "2"});
}

TEST_CASE("root cannot unmount, move, uncover or loosen what gbox mounted") {
  const HostDirectory host;
  const Box box;
  const auto run = [&](const std::string& deeds) {
    sandbox::Settings settings = box.settings(deeds);
    settings.mounts.push_back(host.mount("/srv/repo", sandbox::Access::read_only));
    return box.run(std::move(settings)).out;
  };
  std::string attempts, refusals;
  for (const std::string p : {"/dev", "/dev/null", "/dev/pts", "/dev/shm", "/sys", "/srv/repo"}) {
    attempts += "arguments " + p + " ; umount " + p + " ; umount " + p + " lazy ; lift " + p +
                " ; mount " + p + " /tmp - move ; ";
    refusals += p + "\nEINVAL\nEINVAL\nEPERM\nEINVAL\n";
  }
  CHECK(run(attempts) == refusals);
  // A mount namespace of its own, or a user namespace more, changes nothing.
  CHECK(run("unshare m ; " + attempts) == "ok\n" + refusals);
  CHECK(run("unshare Um ; " + attempts) == "ok\n" + refusals);
  // What lies below a mount point stays hidden: a copy of the root without its mounts is refused.
  CHECK(box.run("uncover / ; mount / /tmp - bind ; uncover /dev").out ==
        "EINVAL\nEINVAL\nEINVAL\n");
  CHECK(box.run("unshare Um ; uncover / ; mount / /tmp - bind").out == "ok\nEINVAL\nEINVAL\n");
}

TEST_CASE("a read-only bind stays read-only") {
  const HostDirectory host;
  const Box box;
  const std::string r = "/srv/repo";
  const auto run = [&](const std::string& deeds) {
    sandbox::Settings settings = box.settings(deeds);
    settings.mounts.push_back(host.mount(r, sandbox::Access::read_only));
    return box.run(std::move(settings)).out;
  };
  CHECK(run("show /srv/repo/file") == "of the host\n");
  CHECK(run("write /srv/repo/file x ; write /srv/repo/new x ; mkdir /srv/repo/d ; "
            "remove /srv/repo/file ; chmod /srv/repo/file 0 ; chown /srv/repo/file 1 1") ==
        "EROFS\nEROFS\nEROFS\nEROFS\nEROFS\nEROFS\n");
  const std::string loosen =
      "mount none " + r + " - remount bind ; lift " + r + " ; write " + r + "/file x";
  CHECK(run(loosen) == "EPERM\nEPERM\nEROFS\n");
  CHECK(run("unshare m ; " + loosen) == "ok\nEPERM\nEPERM\nEROFS\n");
  CHECK(run("unshare Um ; " + loosen) == "ok\nEPERM\nEPERM\nEROFS\n");
  // A bind of the bind keeps the flags, and they stay locked there.
  CHECK(run("mount " + r +
            " /tmp - bind ; mount none /tmp - remount bind ; lift /tmp ; "
            "write /tmp/file x") == "ok\nEPERM\nEPERM\nEROFS\n");
  CHECK(sys::read_file(host.dir.fd(), "file") == "of the host\n");
}

TEST_CASE("binds are nosuid and nodev, and a writable one can be written") {
  const HostDirectory host;
  install_payload(host.dir.fd(), "setuid-payload", 04755);
  const Box box;
  const auto run = [&](const std::string& deeds) {
    sandbox::Settings settings = box.settings(deeds);
    settings.mounts.push_back(host.mount("/srv/repo", sandbox::Access::read_only));
    settings.mounts.push_back(host.mount("/srv/cache", sandbox::Access::read_write));
    settings.mounts.push_back(sandbox::tmpfs_mount("/var/tmp", "1M", "1777"));
    return box.run(std::move(settings)).out;
  };
  const std::string mountinfo = run("show /proc/self/mountinfo");
  CHECK(mounted_at(mountinfo, "/srv/repo").starts_with("ro,nosuid,nodev,"));
  CHECK(mounted_at(mountinfo, "/srv/cache").starts_with("rw,nosuid,nodev,"));
  CHECK(mounted_at(mountinfo, "/var/tmp") == "rw,nosuid,nodev,relatime tmpfs");
  CHECK(mounted_at(mountinfo, "/dev") == "rw,nosuid,noexec,relatime tmpfs");
  CHECK(mounted_at(mountinfo, "/proc") == "rw,nosuid,nodev,noexec,relatime proc");
  CHECK(mounted_at(mountinfo, "/sys") == "ro,nosuid,nodev,noexec,relatime sysfs");
  CHECK(mounted_at(mountinfo, "/dev/null").find("nosuid,noexec") != std::string::npos);
  CHECK(run("become 1000 1000 ; exec /srv/repo/setuid-payload ids") ==
        "ok\nuid=1000 gid=1000 groups=\n");
  for (const char* place : {"/srv/cache", "/var/tmp"}) {
    CAPTURE(place);
    CHECK(run(std::string("lift ") + place) == "EPERM\n");
    CHECK(run(std::string("status ") + place).starts_with("directory"));
  }
  CHECK(run("write /srv/cache/made x ; status /var/tmp") == "ok\ndirectory 1777 0:0\n");
  CHECK(sys::read_file(host.dir.fd(), "made") == "x");
}

TEST_CASE("a tmpfs holds as much as it was given") {
  const Box box;
  sandbox::Settings settings = box.settings("copy /bin/payload /var/tmp/a");
  settings.mounts.push_back(sandbox::tmpfs_mount("/var/tmp", "64K", "0755"));
  CHECK(box.run(std::move(settings)).out == "ENOSPC\n");
}

TEST_CASE("/sys cannot be written and shows no device of the host's network") {
  const Box box;
  CHECK(box.run("list /sys/class/net").out == "lo\n");
  CHECK(box.run("write /sys/kernel/uevent_helper x ; mount none /sys - remount ; "
                "mount none /tmp sysfs")
            .out.find("ok") == std::string::npos);
}

TEST_CASE("no mount of gbox's is seen outside, and none made inside") {
  const std::string before = sys::read_file("/proc/self/mountinfo");
  const Box box;
  Running running(box.settings("mount none /tmp tmpfs ; ready ; wait"));
  running.await("ready\n");
  CHECK(sys::read_file("/proc/self/mountinfo") == before);
  running.sandbox().kill();
  (void)running.finish();
  CHECK(sys::read_file("/proc/self/mountinfo") == before);
}

TEST_CASE("mounts of the host that appear later do not appear inside") {
  const Box box;
  CHECK(box.run("show /proc/self/mountinfo").out.find(" shared:") == std::string::npos);
  CHECK(box.run("show /proc/self/mountinfo").out.find(" master:") == std::string::npos);
}
