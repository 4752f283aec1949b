// Namespaces of a step's own making: what Portage's *-sandbox features and test suites do.
#include <doctest/doctest.h>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

TEST_CASE("Portage's pid-sandbox works: a pid and mount namespace with a proc of its own") {
  const Box box;
  const Outcome outcome = box.run(
      "unshare mp ; mount none / - private ; mount proc /proc proc nosuid nodev noexec ; "
      "session ; list /proc/1/task ; kill 2 0");
  CHECK(outcome.out == "ok\nok\nok\npid=1 ppid=0 pgrp=0 sid=0\n1\nESRCH\n");
  CHECK(outcome.code == 0);
}

TEST_CASE("Portage's ipc-, network- and mount-sandbox work together") {
  const Box box;
  CHECK(box.run("unshare mniu ; mount none / - private ; interfaces ; mount none /tmp tmpfs ; "
                "write /tmp/a x ; umount /tmp")
            .out == "ok\nok\nlo down\nok\nok\nok\n");
}

TEST_CASE("a further user namespace works, with a fresh proc in it") {
  const Box box;
  CHECK(box.run("unshare Ump ; mount proc /proc proc ; ids ; session").out ==
        "ok\nok\nuid=0 gid=0 groups=\npid=1 ppid=0 pgrp=0 sid=0\n");
  CHECK(box.run("become 1000 1000 ; exec /bin/payload unshare Ump + mount proc /proc proc + ids")
            .out == "ok\nok\nok\nuid=0 gid=0 groups=\n");
  CHECK(box.run("unshare Umpniu ; mount proc /proc proc ; unshare Ump ; mount proc /proc proc ; "
                "ids")
            .out.find("uid=0") != std::string::npos);
}

TEST_CASE("ordinary mounts inside work: tmpfs, bind, move, devpts") {
  const Box box;
  CHECK(box.run("mkdir /tmp/a ; mkdir /tmp/b ; mount none /tmp/a tmpfs ; write /tmp/a/x 1 ; "
                "mount /tmp/a /tmp/b - bind ; show /tmp/b/x ; umount /tmp/b ; "
                "mount none /tmp/b devpts ; umount /tmp/b ; umount /tmp/a")
            .out == "ok\nok\nok\nok\nok\n1ok\nok\nok\nok\n");
}

TEST_CASE("the 'run' policy gives no power to mount, and a user namespace over nothing of ours") {
  const Box box;
  CHECK(box.run("mount none /tmp tmpfs ; umount /proc ; unshare m", "run").out ==
        "EPERM\nEPERM\nEPERM\n");
  CHECK(box.run("unshare Um ; mount none /tmp tmpfs ; umount /proc ; umount /dev", "run").out ==
        "ok\nok\nEINVAL\nEINVAL\n");
}
