// What a policy hides, makes read-only and bounds, tried from inside by root of the step.
#include <doctest/doctest.h>

#include "box.h"
#include "gbox/sys/fd.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

// One of gbox's own with more lines.
sandbox::Policy with(std::string_view name, const std::string& lines) {
  const std::string calls =
      "about = \"a test\"\nnetwork = \"none\"\n"
      "syscalls = [\"files\", \"memory\", \"processes\", \"ipc\", \"trace\", "
      "\"namespaces\"]\n";
  sandbox::Policy policy = sandbox::parse_policy("test.toml", calls + lines);
  policy.capabilities = sandbox::load_policy(name).capabilities;
  return policy;
}

constexpr char kHide[] = "[[hide]]\nwhy = \"a test\"\npaths = ";
constexpr char kReadOnly[] = "[[read_only]]\nwhy = \"a test\"\npaths = ";

void make_files(int root) {
  sys::ensure_directories(root, "data/inner", 0755);
  sys::write_file_atomically(root, "data/inner/file", "seen", 0644, sys::Durable::no);
  sys::write_file_atomically(root, "data/word", "seen", 0644, sys::Durable::no);
  sys::symlinkat("/data/word", root, "alias");
}

}  // namespace

TEST_CASE("what a policy hides is an empty directory or file, and what is not there is no error") {
  const Box box;
  make_files(box.lower());
  const auto policy =
      with("emerge", std::string(kHide) + "[\"/data/inner\", \"/data/word\", \"/none/at/all\"]\n");
  CHECK(box.run(box.settings("list /data ; list /data/inner ; show /data/word ; status /none"),
                policy)
            .out == "inner\nword\nENOENT\n");
  // It is covered, not opened for writing: nothing gets in or past it.
  CHECK(box.run(box.settings("mkdir /data/inner/x ; write /data/inner/x y ; umount /data/inner ; "
                             "umount /data/inner lazy ; lift /data/inner ; umount /data/word ; "
                             "uncover /data ; unshare Um ; umount /data/inner ; umount /data/word"),
                policy)
            .out == "EROFS\nEROFS\nEINVAL\nEINVAL\nEPERM\nEINVAL\nEINVAL\nok\nEINVAL\nEINVAL\n");
  // The layer has it all the same.
  CHECK(sys::read_file(box.path() + "/lower/data/word") == "seen");
}

TEST_CASE("a link to what is hidden leads to what hides it") {
  const Box box;
  make_files(box.lower());
  CHECK(box.run(box.settings("show /alias ; show /data/word"),
                with("emerge", std::string(kHide) + "[\"/alias\"]\n"))
            .out.empty());
}

TEST_CASE("parts of /proc are hidden from a step that has no SYS_ADMIN") {
  const Box box;
  const auto policy =
      with("run", std::string(kHide) + "[\"/proc/meminfo\", \"/proc/sys\", \"/sys/kernel\"]\n");
  CHECK(box.run(box.settings("show /proc/meminfo ; list /proc/sys ; list /sys/kernel ; "
                             "umount /proc/meminfo ; umount /proc lazy ; "
                             "unshare Um ; umount /proc/meminfo ; umount /proc lazy"),
                policy)
            .out == "EPERM\nEPERM\nok\nEINVAL\nEINVAL\n");
}

TEST_CASE("'strict' and 'fetch' show nothing of the machine's memory, keys and firmware") {
  const Box box;
  for (const char* policy : {"strict", "fetch"}) {
    CAPTURE(policy);
    CHECK(box.run("show /proc/keys ; show /proc/interrupts ; show /proc/timer_list", policy)
              .out.empty());
    CHECK(box.run("status /proc/interrupts", policy).out ==
          box.run("status /dev/null", policy).out);
  }
  CHECK_FALSE(box.run("show /proc/interrupts", "run").out.empty());
}

TEST_CASE(
    "a read-only path cannot be written, remounted or uncovered; mounts below stay writable") {
  const Box box;
  make_files(box.lower());
  const auto policy = with("emerge", std::string(kReadOnly) + "[\"/data\"]\n");
  sandbox::Settings settings = box.settings(
      "write /data/word x ; mkdir /data/new ; remove /data/word ; write /data/inner/x y ; "
      "write /free x ; lift /data ; mount none /data - remount bind ; umount /data ; "
      "write /data/word x ; unshare Um ; lift /data ; write /data/word x");
  settings.mounts.push_back(sandbox::tmpfs_mount("/data/inner", "1M", "0755"));
  CHECK(box.run(std::move(settings), policy).out ==
        "EROFS\nEROFS\nEROFS\nok\nok\nEPERM\nEPERM\nEINVAL\nEROFS\nok\nEPERM\nEROFS\n");
}

TEST_CASE("with a read-only root a step still has its own /tmp and /dev") {
  const Box box;
  sandbox::Settings settings = box.settings(
      "write /x y ; mkdir /data ; write /tmp/x y ; write /dev/shm/x y ; write /dev/null x");
  settings.mounts.push_back(sandbox::tmpfs_mount("/tmp", "1M", "1777"));
  CHECK(box.run(std::move(settings), with("emerge", std::string(kReadOnly) + "[\"/\"]\n")).out ==
        "EROFS\nEROFS\nok\nok\nok\n");
}

TEST_CASE("a resource is bounded for all of the step's processes, and cannot be raised again") {
  const Box box;
  const auto policy = with("emerge",
                           "[[resource]]\nname = \"nofile\"\nmost = 77\nwhy = \"a test\"\n"
                           "[[resource]]\nname = \"stack\"\nmost = 1048576\nwhy = \"a test\"\n");
  const std::string said = box.run(box.settings("show /proc/self/limits"), policy).out;
  CHECK(said.find("Max open files            77                   77 ") != std::string::npos);
  CHECK(said.find("Max stack size            1048576              1048576") != std::string::npos);
}
