// What of the host a step may not reach: files, processes, sockets, memory, the launcher.
#include <doctest/doctest.h>

#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include <csignal>
#include <cstddef>
#include <cstring>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

bool none_succeeds(const std::string& lines) {
  return lines.find("ok") == std::string::npos;
}

// A listening abstract socket of the host.
sys::Fd abstract_listener(const std::string& name) {
  sys::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

}  // namespace

TEST_CASE("a file of the host is reached by no path") {
  const sys::TempDir host("/var/tmp", "gbox-canary-");
  sys::write_file_atomically(host.fd(), "canary", "alive", 0666);
  const std::string canary = host.path() + "/canary";
  const Box box;
  std::string deeds;
  for (const std::string prefix : {"", "/..", "/../../../../../../../..", "/proc/1/root",
                                   "/proc/1/cwd/..", "/proc/self/root/..", "/proc/2/task/2/root/..",
                                   "/dev/fd/0/..", "/proc/1/fd/3", "/proc/self/cwd/../.."})
    deeds += "open " + prefix + canary + " r ; write " + prefix + canary + " dead ; ";
  const std::string out = box.run(deeds).out;
  CAPTURE(out);
  CHECK(split_words(out).size() == 20);
  CHECK(none_succeeds(out));
  CHECK(box.run("symlink " + canary + " /tmp/link ; open /tmp/link rw").out == "ok\nENOENT\n");
  // Out of a chroot of its own making there is only the sandbox's root.
  CHECK(box.run("mkdir /tmp/c ; chroot /tmp/c ; chdir ../../../../../.. ; chroot . ; open " +
                canary + " r ; open /bin/payload r")
            .out == "ok\nok\nok\nok\nENOENT\nok\n");
  CHECK(sys::read_file(canary) == "alive");
}

TEST_CASE("the launcher cannot be reached or overwritten through /proc/1/exe") {
  const Box box;
  CHECK(box.run("link-target /proc/1/exe").out == "/memfd:gbox-init (deleted)\n");
  CHECK(
      none_succeeds(box.run("open /proc/1/exe w ; open /proc/1/exe rw ; write /proc/1/exe x").out));
}

TEST_CASE("gbox's program cannot be written even by its owner while gbox runs from it") {
  // 'Text file busy' would protect it only as long as a process runs from it: a descriptor opened
  // through /proc waits for that. So the mount that it was started from is read-only.
  struct statvfs status {};
  REQUIRE(::statvfs("/proc/self/exe", &status) == 0);
  CHECK((status.f_flag & ST_RDONLY) != 0);
  CHECK(::open("/proc/self/exe", O_WRONLY | O_CLOEXEC) == -1);
}

TEST_CASE("gbox's own program and memory are not in sight, even below the step's own /proc") {
  // Below the /proc that the step mounted lies the one of the outer pid namespace, as the kernel
  // wants a complete one in sight; the step may take its own away.
  const Box box;
  for (const char* policy : {"emerge"}) {
    const Outcome outcome = box.run(
        "umount /proc ; open /proc/1/exe r ; open /proc/1/root r ; open /proc/1/mem r ; "
        "open /proc/1/environ r ; open /proc/1/maps r ; open /proc/1/fd r ; "
        "open /proc/1/cwd r ; open /proc/1/ns/mnt r ; open /proc/1/cmdline r",
        policy);
    CHECK(outcome.out.starts_with("ok\n"));
    CHECK(none_succeeds(outcome.out.substr(3)));
  }
  const Outcome listing = box.run("umount /proc ; show /proc/1/cmdline ; show /proc/1/status");
  CHECK(listing.out.find("namespace_tests") == std::string::npos);
  CHECK(box.run("umount /proc ; umount /proc").out == "ok\nEINVAL\n");
}

TEST_CASE("host processes are neither seen, signalled, traced nor entered") {
  const Box box;
  const std::string self = std::to_string(::getpid());
  CHECK(box.run("kill " + self + " 0 ; trace " + self + " ; enter " + self + " m ; show /proc/" +
                self + "/cmdline")
            .out == "ESRCH\nESRCH\nESRCH\nENOENT\n");
  // Everybody: PID 1 and the caller excepted, that is nobody.
  CHECK(box.run("kill -1 9").out == "ESRCH\n");
  // PID 1's parent is outside: it has no number here.
  CHECK(box.run("session ; show /proc/1/status").out.find("PPid:\t0\n") != std::string::npos);
  CHECK(box.run("trace 0 ; kill 0 0").out == "ESRCH\nok\n");
}

TEST_CASE("no descriptor of gbox's can be a working directory") {
  const Box box;
  for (const char* directory : {"/proc/self/fd/3", "/proc/self/fd/7", "/proc/1/fd/4",
                                "/proc/1/cwd/..", "/proc/self/fd/0"}) {
    CAPTURE(directory);
    sandbox::Settings settings = box.settings("directory ; list .");
    settings.command.working_directory = directory;
    const Outcome outcome = box.run(std::move(settings));
    if (outcome.code == 0)
      CHECK(outcome.out == "/\nbin\ndev\netc\nproc\nsys\ntmp\n");
    else
      CHECK(outcome.code == 126);
  }
}

TEST_CASE("a step may trace its own processes with the policy that grants it") {
  const Box box;
  CHECK(box.run("trace-child").out == "ok\n");
  CHECK(box.run("become 1000 1000 ; exec /bin/payload trace-child").out == "ok\nok\n");
}

TEST_CASE("an abstract socket of the host is in another network") {
  const std::string name = "gbox-test-" + sys::random_hex(8);
  const sys::Fd listener = abstract_listener(name);
  const Box box;
  CHECK(box.run("connect @" + name).out == "ECONNREFUSED\n");
  sandbox::Settings settings = box.settings("connect @" + name);
  settings.network = sandbox::Network::host;
  CHECK(box.run(std::move(settings)).out == "ok\n");  // what 'host' means, in full
}

TEST_CASE("SysV shared memory is the sandbox's own") {
  const key_t key = 0x67620000 | (::getpid() & 0xffff);
  const int id = ::shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
  REQUIRE(id >= 0);
  const Box box;
  const std::string number = std::to_string(key);
  CHECK(box.run("find-shared " + number + " ; make-shared " + number).out == "ENOENT\nok\n");
  (void)::shmctl(id, IPC_RMID, nullptr);
  CHECK(::shmget(key, 0, 0) < 0);
}

TEST_CASE("loopback is up and the only interface; there is no way out") {
  const Box box;
  CHECK(box.run("interfaces ; loopback").out == "lo up\nok\n");
  CHECK(box.run("datagram 192.0.2.1 ; socket 40 ; socket 2 ; socket 10 ; socket 1").out ==
        "ENETUNREACH\nEPERM\nok\nok\nok\n");
  const std::string routes = box.run("show /proc/net/route").out;
  CHECK(split(routes, '\n').size() <= 2);  // the heading alone
}

TEST_CASE("the machine's own switches stay out of reach") {
  const Box box;
  std::string deeds = "open /proc/kcore r ; open /proc/kmsg r ; ";
  for (const std::string path :
       {"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/panic", "/proc/sys/vm/drop_caches", "/proc/sys/fs/suid_dumpable",
        "/proc/sys/kernel/randomize_va_space", "/proc/kcore", "/proc/kmsg",
        "/proc/irq/default_smp_affinity", "/proc/bus/pci", "/sys/power/state", "/sys/fs/cgroup/x"})
    deeds += "open " + path + " w ; ";
  const std::string out = box.run(deeds).out;
  CAPTURE(out);
  CHECK(split_words(out).size() == 15);
  CHECK(none_succeeds(out));
}

TEST_CASE("refused and unknown system calls say EPERM and ENOSYS") {
  const Box box;
  // TIOCSTI with a high bit set: the kernel looks at the low 32 only.
  CHECK(box.run("call 9999 ; call 16 0 0x5412 0 ; call 16 0 0x100005412 0 ; call 16 0 0x541c 0")
            .out == "ENOSYS\nEPERM\nEPERM\nEPERM\n");
  // bpf, userfaultfd, perf_event_open, open_by_handle_at, reboot, kexec_load, init_module: refused.
  CHECK(box.run("call 321 ; call 323 ; call 298 ; call 304 ; call 169 ; call 246 ; call 175").out ==
        "EPERM\nEPERM\nEPERM\nEPERM\nEPERM\nEPERM\nEPERM\n");
  // The same for a program in a namespace of the step's own making.
  CHECK(box.run("unshare Um ; call 321 ; call 9999").out == "ok\nEPERM\nENOSYS\n");
}
