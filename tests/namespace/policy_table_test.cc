// What each policy allows and refuses, with the errno a program sees, asked from inside: by the
// 64-bit gate, by x32's numbers and by the gate of 32-bit programs.
#include <doctest/doctest.h>

#include <array>

#include "box.h"
#include "gbox/base/text.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

constexpr std::array kPolicies = {"emerge", "run", "strict", "fetch"};

struct Row {
  const char* deed;
  // One for all four, or one each. A call that is let through with arguments that mean nothing
  // gets the kernel's own error: that it says something else than the filter is what counts.
  std::array<const char*, 4> expected;
};

constexpr std::array<const char*, 4> all(const char* expected) {
  return {expected, expected, expected, expected};
}
constexpr std::array<const char*, 4> open_and_closed(const char* open, const char* closed) {
  return {open, open, closed, closed};
}

// Numbers of x86-64.
const Row kRows[] = {
    // personality: Linux, 32 bits, their like, setarch -R, and asking.
    {"call 135 0", all("ok")},
    {"call 135 8", all("ok")},
    {"call 135 0x20000", all("ok")},
    {"call 135 0x20008", all("ok")},
    {"call 135 0x40000", all("ok")},
    {"call 135 0xffffffff", all("ok")},
    {"call 135 0xffffffffffffffff", all("ok")},
    {"call 135 0x400000", all("EPERM")},  // READ_IMPLIES_EXEC
    {"call 135 0x100000000400000", all("EPERM")},
    {"call 135 1", all("EPERM")},
    {"call 135 0x40008", all("EPERM")},
    // Keys.
    {"call 250 0 0 0", all("ENOSYS")},
    {"call 248 0 0 0", all("EPERM")},
    {"call 249 0 0 0", all("EPERM")},
    // Wide interfaces of the kernel: bpf, userfaultfd, perf_event_open, io_uring.
    {"call 321 0 0 0", all("EPERM")},
    {"call 323 0", all("EPERM")},
    {"call 298 0", all("EPERM")},
    {"call 425 0", all("ENOSYS")},
    {"call 426 0", all("ENOSYS")},
    {"call 427 0", all("ENOSYS")},
    // The machine's: kexec, modules, reboot, swap, the clock, accounting, ports.
    {"call 246", all("EPERM")},
    {"call 320", all("EPERM")},
    {"call 175", all("EPERM")},
    {"call 313", all("EPERM")},
    {"call 176", all("EPERM")},
    {"call 169", all("EPERM")},
    {"call 167", all("EPERM")},
    {"call 168", all("EPERM")},
    {"call 227", all("EPERM")},
    {"call 163", all("EPERM")},
    {"call 172", all("EPERM")},
    {"call 173", all("EPERM")},
    // Files past the mounts: open_by_handle_at, quotactl, quotactl_fd.
    {"call 304", all("EPERM")},
    {"call 179", all("EPERM")},
    {"call 443", all("EPERM")},
    // TIOCSTI and TIOCLINUX, also with bits that the kernel drops; TIOCGWINSZ is let through.
    {"call 16 0 0x5412 0", all("EPERM")},
    {"call 16 0 0x541c 0", all("EPERM")},
    {"call 16 0 0x100005412 0", all("EPERM")},
    {"call 16 0 0xffffffff0000541c 0", all("EPERM")},
    {"call 16 0 0x5413 0", all("ENOTTY")},
    // Sockets: AF_VSOCK, AF_ALG, AF_PACKET; AF_INET, AF_UNIX, AF_NETLINK.
    {"call 41 40 1 0", all("EPERM")},
    {"call 41 0x100000028 1 0", all("EPERM")},
    {"call 41 38 5 0", all("EPERM")},
    {"call 41 17 3 0", open_and_closed("EPERM", "EPERM")},
    {"call 41 2 1 0", all("ok")},
    {"call 41 1 1 0", all("ok")},
    {"call 41 16 3 0", all("ok")},
    // Namespaces. A mount of nothing is the kernel's own EFAULT or EPERM where it is let through.
    {"unshare Um", open_and_closed("ok", "EPERM")},
    {"call 272 0x10000000", open_and_closed("ok", "EPERM")},
    {"call 308 -1 0", open_and_closed("EBADF", "EPERM")},
    {"call 56 0x10000011 0 0 0 0", {nullptr, nullptr, "EPERM", "EPERM"}},
    {"call 56 0x7e020011 0 0 0 0", {nullptr, nullptr, "EPERM", "EPERM"}},
    {"call 435 0 0", open_and_closed("EINVAL", "ENOSYS")},
    {"call 161 0", open_and_closed("EFAULT", "EPERM")},
    {"call 428 -1 0 0xffffffff", open_and_closed("EINVAL", "EPERM")},
    // Other processes' memory. PTRACE_PEEKDATA of nobody.
    {"call 101 2 999999 0 0", open_and_closed("ESRCH", "EPERM")},
    {"call 310 999999 0 0 0 0 9", open_and_closed("EINVAL", "EPERM")},
    {"call 312 999999 999999 0 0 0", open_and_closed("ESRCH", "EPERM")},
    // Unknown to the policy, to the kernel, to anybody.
    {"call 139 0", all("ENOSYS")},
    {"call 1023", all("ENOSYS")},
    {"call 9999", all("ENOSYS")},
    {"call -1", all("ENOSYS")},
    // x32: the same calls with its bit, refused for the same reasons.
    {"call 0x40000141 0 0 0", all("EPERM")},  // bpf
    {"call 0x40000087 0x400000", all("EPERM")},
    {"call 0x40000202 0 0x5412 0", all("EPERM")},  // ioctl has a number of its own
    {"call 0x40000029 40 1 0", all("EPERM")},
    {"call 0x400000fa 0 0 0", all("ENOSYS")},
    {"call 0x400003ff", all("ENOSYS")},
    {"call 0x40000010 0 0x5412 0", all("ENOSYS")},  // no call of x32
    {"call 0x4000000f", all("ENOSYS")},
    // i386 by int 0x80.
    {"call-i386 357 0 0 0", all("EPERM")},     // bpf
    {"call-i386 136 0x400000", all("EPERM")},  // personality
    {"call-i386 136 0xffffffff", all("ok")},
    {"call-i386 54 0 0x5412 0", all("EPERM")},  // ioctl
    {"call-i386 359 40 1 0", all("EPERM")},     // socket
    {"call-i386 359 2 1 0", all("ok")},
    {"call-i386 102 1 0", all("EPERM")},                      // socketcall(SYS_SOCKET)
    {"call-i386 288 0 0 0", all("ENOSYS")},                   // keyctl
    {"call-i386 286 0 0 0", all("EPERM")},                    // add_key
    {"call-i386 342 0", all("EPERM")},                        // open_by_handle_at
    {"call-i386 128", all("EPERM")},                          // init_module
    {"call-i386 88", all("EPERM")},                           // reboot
    {"call-i386 25 0", all("EPERM")},                         // stime
    {"call-i386 110 3", all("EPERM")},                        // iopl
    {"call-i386 310 0x400", open_and_closed("ok", "EPERM")},  // unshare
    {"call-i386 120 0x10000011 0 0 0 0", {nullptr, nullptr, "EPERM", "EPERM"}},  // clone
    {"call-i386 26 2 999999 0 0", open_and_closed("ESRCH", "EPERM")},            // ptrace
    {"call-i386 166", all("ENOSYS")},                                            // vm86
    {"call-i386 9999", all("ENOSYS")},
    {"call-i386 20", all("ok")},  // getpid
};

}  // namespace

#if defined(__x86_64__)
TEST_CASE(
    "every policy answers each call of the table, by every gate, with the errno written down") {
  for (std::size_t policy = 0; policy < kPolicies.size(); ++policy) {
    const Box box;
    std::string deeds = "call-i386 20";
    std::vector<const Row*> asked;
    for (const Row& row : kRows) {
      if (row.expected[policy] == nullptr) continue;
      deeds += std::string(" ; ") + row.deed;
      asked.push_back(&row);
    }
    const Outcome outcome = box.run(deeds, kPolicies[policy]);
    CAPTURE(std::string(kPolicies[policy]));
    CAPTURE(outcome.err);
    const std::vector<std::string> said = split(outcome.out, '\n');
    REQUIRE(said.size() == asked.size() + 2);  // the probe before, the end of the last line
    const bool has_i386 = said[0] == "ok";
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (!has_i386 && std::string_view(asked[i]->deed).starts_with("call-i386")) continue;
      CAPTURE(std::string(asked[i]->deed));
      CHECK(said[i + 1] == std::string(asked[i]->expected[policy]));
    }
  }
}
#endif

TEST_CASE("'strict' and 'fetch' give no capability back, neither to root nor to another user") {
  const Box box;
  for (const char* policy : {"strict", "fetch"}) {
    CAPTURE(policy);
    CHECK(box.run("no-new-privileges", policy).out == "1\n");
    const std::string status = box.run("show /proc/self/status", policy).out;
    CHECK(status.find(std::string("CapPrm:\t") + (std::string_view(policy) == "fetch"
                                                      ? "0000000000000000"
                                                      : "000000000000000b")) != std::string::npos);
    // Root of the step stays root, and cannot become another.
    CHECK(box.run("become 1000 1000", policy).out == "EPERM\n");
    sandbox::Settings settings = box.settings("show /proc/self/status ; become 0 0");
    settings.command.uid = 1000;
    settings.command.gid = 1000;
    settings.command.groups = {1000, 250};
    const std::string other = box.run(std::move(settings), policy).out;
    CHECK(other.find("Uid:\t1000\t1000\t1000\t1000") != std::string::npos);
    CHECK(other.find("Groups:\t250 1000") != std::string::npos);
    CHECK(other.find("CapEff:\t0000000000000000") != std::string::npos);
    CHECK(other.ends_with("EPERM\n"));
  }
  CHECK(box.run("no-new-privileges", "run").out == "0\n");
}
