// Starting: what is bound from the host, networks, and errors of the set-up.
#include <doctest/doctest.h>

#include <sys/mount.h>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

TEST_CASE("a bind's source that is missing or a link is an error that names both ends") {
  const sys::TempDir host("/var/tmp", "gbox-host-");
  sys::symlinkat("/etc", host.fd(), "link");
  const auto bind = [&](const char* source) {
    return error_of([&] {
      (void)sandbox::bind_mount(host.fd(), source, "/srv/x", sandbox::Access::read_only);
    });
  };
  CHECK(bind("missing") == "bind 'missing' on '/srv/x': stat 'missing': No such file or directory");
  CHECK(bind("link") == "bind 'link' on '/srv/x': it is a symbolic link | name what it points to");
}

TEST_CASE("a bind shows what is mounted below its source, and stays as restricted there") {
  // A repository of the host may hold mounts. Those of this namespace stand for them; /dev has
  // some of the host's own, which the kernel does not let anybody uncover.
  const sys::TempDir host("/var/tmp", "gbox-host-");
  (void)::fchmod(host.fd(), 0755);
  sys::mkdirat(host.fd(), "tree", 0755);
  const std::string tree = host.path() + "/tree";
  REQUIRE(::mount("none", tree.c_str(), "tmpfs", 0, "mode=0755") == 0);
  sys::write_file_atomically(AT_FDCWD, tree + "/file", "below");
  install_payload(AT_FDCWD, tree + "/setuid-payload", 04755);
  {
    const Box box;
    sandbox::Settings settings = box.settings(
        "show /srv/x/tree/file ; write /srv/x/tree/file y ; lift /srv/x/tree ; "
        "umount /srv/x/tree ; list /srv/dev/pts ; become 1000 1000 ; "
        "exec /srv/x/tree/setuid-payload ids");
    settings.mounts.push_back(
        sandbox::bind_mount(AT_FDCWD, host.path(), "/srv/x", sandbox::Access::read_only));
    settings.mounts.push_back(
        sandbox::bind_mount(AT_FDCWD, "/dev", "/srv/dev", sandbox::Access::read_only));
    const std::string out = box.run(std::move(settings)).out;
    CHECK(out.starts_with("belowEROFS\nEPERM\nEINVAL\n"));
    CHECK(out.ends_with("\nok\nuid=1000 gid=1000 groups=\n"));
  }
  CHECK(::umount(tree.c_str()) == 0);
}

TEST_CASE("binds of one another's insides appear in the order given") {
  const sys::TempDir host("/var/tmp", "gbox-host-");
  (void)::fchmod(host.fd(), 0755);
  sys::ensure_directories(host.fd(), "outer/inner");
  sys::ensure_directories(host.fd(), "other");
  sys::write_file_atomically(host.fd(), "other/file", "other");
  const Box box;
  sandbox::Settings settings = box.settings("show /srv/inner/file");
  settings.mounts.push_back(
      sandbox::bind_mount(host.fd(), "outer", "/srv", sandbox::Access::read_only));
  settings.mounts.push_back(
      sandbox::bind_mount(host.fd(), "other", "/srv/inner", sandbox::Access::read_only));
  CHECK(box.run(std::move(settings)).out == "other");
}

TEST_CASE("the host's network is shown as it is, with /sys read-only") {
  const Box box;
  sandbox::Settings settings = box.settings(
      "list /sys/class/net ; arguments -- ; write /sys/kernel/uevent_helper x ; "
      "umount /sys ; lift /sys ; unshare Um ; umount /sys ; lift /sys");
  settings.network = sandbox::Network::host;
  const Outcome outcome = box.run(std::move(settings));
  const std::size_t cut = outcome.out.find("--\n");
  REQUIRE(cut != std::string::npos);
  const sys::Fd net = sys::open("/sys/class/net", O_RDONLY | O_DIRECTORY);
  CHECK(split_words(outcome.out.substr(0, cut)) == sys::list_directory(net.get(), "net"));
  CHECK(outcome.out.substr(cut + 3) == "EROFS\nEINVAL\nEPERM\nok\nEINVAL\nEPERM\n");
  sandbox::Settings powerless = box.settings("unshare n ; interfaces");
  powerless.network = sandbox::Network::host;
  CHECK(box.run(std::move(powerless)).out == "ok\nlo down\n");
}

TEST_CASE("the standard input is empty unless one is given") {
  const Box box;
  CHECK(box.run("echo ; ready").out == "ready\n");
}

TEST_CASE("a policy that names a capability the machine does not know is refused") {
  const Box box;
  sandbox::Policy policy = sandbox::load_policy("run");
  policy.capabilities.emplace_back("FLYING");
  CHECK(error_of([&] {
          (void)sandbox::Sandbox::start(box.settings("exit 0"), policy, sandbox::Pipes{});
        }) == "policy 'run': unknown capability 'FLYING'");
}
