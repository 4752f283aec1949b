// The host's proc inside a step, as where an outer container masks it: it works, and what it shows
// of processes outside can neither be read, nor written, nor signalled.
#include <doctest/doctest.h>

#include <csignal>

#include "box.h"
#include "gbox/base/text.h"
#include "gbox/sys/level.h"
#include "gbox/sys/process.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

class BoundProc {
 public:
  BoundProc() {
    sys::Means means = before_;
    means.proc = sys::Proc::bound;
    sys::use(means);
  }
  BoundProc(const BoundProc&) = delete;
  BoundProc& operator=(const BoundProc&) = delete;
  ~BoundProc() { sys::use(before_); }

 private:
  sys::Means before_ = sys::means();
};

// A process of the step's own kernel id, outside of it, with something to lose.
sys::Child canary() {
  return sys::fork_child([] {
    for (;;) (void)::pause();
  });
}

}  // namespace

TEST_CASE("with the host's proc a step finds itself, its descriptors and its status") {
  const BoundProc bound;
  const Box box;
  CHECK(box.run("link-target /proc/self/root ; link-target /proc/self/exe ; open /dev/fd/1 w ; "
                "show /proc/self/comm ; session")
            .out == "/\n/bin/payload\nok\npayload\npid=2 ppid=1 pgrp=2 sid=1\n");
}

TEST_CASE("with the host's proc the step still has ids, network and process numbers of its own") {
  const BoundProc bound;
  const Box box;
  CHECK(box.run("ids ; interfaces ; kill 1 0 ; kill 7 0").out ==
        "uid=0 gid=0 groups=\nlo up\nok\nESRCH\n");
}

TEST_CASE("a process outside that the host's proc shows cannot be read or written") {
  const BoundProc bound;
  const sys::Child victim = canary();
  const std::string process = "/proc/" + std::to_string(victim.pid());
  const std::string before = sys::read_file(process + "/oom_score_adj");
  const Box box;
  // It is there; and nothing of it can be had.
  CHECK(box.run("open " + process + "/status r").out == "ok\n");
  for (const std::string file :
       {"environ r", "mem r", "mem w", "auxv r", "maps r", "fd/0 r", "root/etc/passwd r", "cwd/x r",
        "oom_score_adj w", "comm w", "autogroup w", "coredump_filter w", "clear_refs w",
        "timerslack_ns w", "attr/current w", "uid_map w", "setgroups w", "sched w"}) {
    CAPTURE(file);
    const std::string out = box.run("open " + process + '/' + file).out;
    CHECK(out != "ok\n");
    CHECK(out != "");
  }
  CHECK(box.run("link-target " + process + "/exe ; link-target " + process + "/cwd ; link-target " +
                process + "/fd/0 ; enter " + process + "/ns/mnt m")
            .out.find("ok") == std::string::npos);
  CHECK(sys::read_file(process + "/oom_score_adj") == before);
}

TEST_CASE("the host's proc can be neither unmounted, lifted, nor replaced by a fresh one") {
  const BoundProc bound;
  const Box box;
  CHECK(box.run("lift /proc").out == "EPERM\n");
  CHECK(box.run("umount /proc").out == "EINVAL\n");
  CHECK(box.run("write /proc/self/oom_score_adj 500 ; write /proc/sys/kernel/hostname x").out ==
        "EROFS\nEROFS\n");
  // Through further namespaces neither.
  CHECK(box.run("unshare mp ; umount /proc ; lift /proc").out == "ok\nEINVAL\nEPERM\n");
}
