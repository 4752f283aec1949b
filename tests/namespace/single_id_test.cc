// What gbox does for a step where one id is mapped, and what it must not do. In the run with all
// ids there is nothing to see: these cases are of the one with GBOX_ID_MAP=single.
#include <doctest/doctest.h>
#include <sys/xattr.h>

#include <cstdlib>

#include "box.h"
#include "gbox/sys/owner.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

bool emulated() {
  return sys::owners() == sys::Owners::recorded;
}

std::string record_of(const std::string& path) {
  char value[64];
  const ssize_t size = ::getxattr(path.c_str(), "user.gbox.owner", value, sizeof value);
  return size < 0 ? "" : std::string(value, static_cast<std::size_t>(size));
}

}  // namespace

TEST_CASE("a name leads nowhere but beneath the caller's own root") {
  if (!emulated()) return;
  const Box box;
  sys::mkdirat(box.lower(), "jail", 0755);
  sys::mkdirat(box.lower(), "jail/etc", 0755);
  sys::symlinkat("/etc", box.lower(), "jail/absolute");
  sys::symlinkat("../../../../../../../../etc", box.lower(), "jail/climbing");
  for (const char* name : {"etc/mark", "jail/etc/mark"})
    sys::write_file_atomically(box.lower(), name, "x");
  CHECK(box.run("chroot /jail ; chdir / ; chown /absolute/mark 1 2 ; status "
                "/etc/mark ; chown climbing/mark 3 4 ; status /absolute/mark ; "
                "chown ../../etc/mark 5 6 ; status /climbing/mark")
            .out == "ok\nok\nok\nfile 0644 1:2\nok\nfile 0644 3:4\nok\nfile 0644 5:6\n");
  CHECK(record_of(box.path() + "/upper/jail/etc/mark") == "5:6");
  CHECK(!sys::try_fstatat(box.fd(), "upper/etc/mark", 0));
  CHECK(record_of("/etc/mark").empty());
}

TEST_CASE("nothing is recorded on what the step may not change") {
  if (!emulated()) return;
  const Box box;
  const sys::TempDir dir("/var/tmp", "gbox-test-");
  sys::write_file_atomically(dir.fd(), "shown", "of the host", 0666);
  sandbox::Settings settings = box.settings(
      "chown /tmp/shown 5 6 ; mknod /tmp/dir/node c 1 3 ; chown /dev/null 5 6 ; chown /proc/1/exe "
      "5 6 ; "
      "chown /proc/self/exe 5 6 ; chown /sys 5 6 ; status /tmp/shown");
  sys::write_file_atomically(box.lower(), "tmp/shown", "");
  sys::mkdirat(box.lower(), "tmp/dir", 0755);
  settings.mounts.push_back(
      sandbox::bind_mount(dir.fd(), "shown", "/tmp/shown", sandbox::Access::read_only));
  settings.mounts.push_back(
      sandbox::bind_mount(dir.fd(), ".", "/tmp/dir", sandbox::Access::read_only));
  const std::string out = box.run(std::move(settings)).out;
  CHECK(out.starts_with("EROFS\nEROFS\nEPERM\n"));
  CHECK(out.ends_with("file 0666 0:0\n"));
  CHECK(record_of(dir.path() + "/shown").empty());
  CHECK(::getxattr("/dev/null", "security.capability", nullptr, 0) == -1);
}

TEST_CASE("a capability that the policy takes away is not given back by emulating") {
  if (!emulated()) return;
  const Box box;
  sandbox::Policy policy = sandbox::load_policy("emerge");
  std::erase(policy.capabilities, "CHOWN");
  sandbox::Settings settings = box.settings("write /tmp/a x ; chown /tmp/a 5 6 ; status /tmp/a");
  (void)sandbox::ensure_targets(settings);
  sys::Pipe out = sys::pipe();
  sandbox::Sandbox sandbox =
      sandbox::Sandbox::start(std::move(settings), policy, {-1, out.write.get(), -1});
  out.write.reset();
  char text[256];
  const std::size_t size =
      sys::read_full(out.read.get(), std::as_writable_bytes(std::span(text)), "out");
  (void)sandbox.wait();
  CHECK(std::string(text, size) == "ok\nEPERM\nfile 0644 0:0\n");
}

// The same with all ids, where the kernel answers.
TEST_CASE("a program of the i386 ABI is told of owners and ids by each call that it has") {
  const char* const program = std::getenv("GBOX_TEST_I386");
  if (program == nullptr) return;  // on other processors
  const Box box;
  sys::write_file_atomically(box.lower(), "bin/i386", sys::read_file(AT_FDCWD, program), 0755);
  sys::write_file_atomically(box.lower(), "file", "abcd\n", 0644);
  const auto looked = [](const std::string& owner) {
    std::string lines;
    for (const char* call :
         {"stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "fstatat64", "statx"})
      lines += std::string(call) + ' ' + owner + " 100644\n";
    return lines;
  };
  const Outcome outcome = box.run("exec /bin/i386 /file");
  CHECK(outcome.code == 0);
  CHECK(outcome.out == "chown32 ok\n" + looked("1000:2000") + "fchown32 ok\nlchown16 ok\n" +
                           looked("4000:3000") + "chown16 ok\nfchown16 ok\nfchownat ok\n" +
                           looked("6:65533") + "lchown32 ok\n" + looked("250:251") +
                           "chown32 of nobody's -22\nstat64 of nothing -2\n"
                           "stat64 to nowhere -14\nsetgroups32 ok\ngetgroups32 5:7 2\n"
                           "setresgid32 ok\nsetresuid32 ok\ngetresuid32 1:2 3\ngetuid 1:1 0\n"
                           "chown32 -1\n");
  if (emulated()) CHECK(record_of(box.path() + "/upper/file") == "250:251");
}

TEST_CASE("memory that is not there is an error of the call") {
  if (!emulated()) return;
  const Box box;
  CHECK(box.run("call 92 1 5 6 ; call 116 3 1 ; call 133 1 8192 256").out ==
        "EFAULT\nEFAULT\nEFAULT\n");
}

TEST_CASE("ids belong to a process and those it starts, until it changes them") {
  if (!emulated()) return;
  const Box box;
  CHECK(box.run("become 250 251 7 5 ; ids ; exec /bin/payload ids + become 0 0").out ==
        "ok\nuid=250 gid=251 groups=5,7\nuid=250 gid=251 groups=5,7\nEPERM\n");
  CHECK(box.run("become 65536 0 ; ids").out == "EINVAL\nuid=0 gid=0 groups=\n");
}

TEST_CASE(
    "a user that nobody can become inside has no capability, though the kernel calls it root") {
  if (!emulated()) return;
  const Box box;
  sandbox::Settings settings =
      box.settings("ids ; become 0 0 ; chown /tmp 1000 1000 ; show /proc/self/status");
  settings.command.uid = 1000;
  settings.command.gid = 1000;
  settings.command.groups = {1000, 250};
  const std::string out = box.run(std::move(settings), "strict").out;
  CHECK(out.starts_with("uid=1000 gid=1000 groups=250,1000\nEPERM\nEPERM\n"));
  CHECK(out.find("CapEff:\t0000000000000000") != std::string::npos);
  CHECK(out.find("CapBnd:\t0000000000000000") != std::string::npos);
}

TEST_CASE("what a user makes is that user's, and a directory's group goes to what is made in it") {
  if (!emulated()) return;
  const Box box;
  CHECK(box.run("umask ; mkdir /tmp/shared ; chown /tmp/shared 0 27 ; chmod /tmp/shared 02775 ; "
                "write /tmp/shared/a x ; status /tmp/shared/a ; mkdir /tmp/shared/d ; "
                "status /tmp/shared/d ; symlink x /tmp/shared/l ; status /tmp/shared/l ; "
                "become 250 251 ; write /tmp/b x ; status /tmp/b ; mkdir /tmp/c ; status /tmp/c ; "
                "symlink x /tmp/c/l ; status /tmp/c/l ; copy /bin/payload /tmp/c/p ; status "
                "/tmp/c/p ; "
                "write /tmp/b y ; show /tmp/b")
            .out ==
        "0022\nok\nok\nok\nok\nfile 0644 0:27\nok\ndirectory 2755 0:27\nok\n"
        "link 0777 0:27\nok\nok\nfile 0644 250:251\nok\ndirectory 0755 250:251\nok\n"
        "link 0777 250:251\nok\nfile 0755 250:251\nok\ny");
}
