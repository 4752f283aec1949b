#include "gbox/sandbox/network_probe.h"

#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"
#include "gbox/sys/process.h"
#include "user_network.h"

namespace gbox::sandbox {

namespace {

constexpr char kName[] = "network-helper";
constexpr char kLost[] = "phases with 'network = \"fetch\"'";

void write_map(const char* name, const std::string& text) {
  sys::write_all(sys::open(std::string("/proc/self/") + name, O_WRONLY).get(), text, name);
}

// A namespace of the caller's id alone: it takes no helper to map it, so that this check tells of
// the network and of nothing else.
bool enter_user_namespace() {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER) != 0) return false;
  try {
    write_map("setgroups", "deny");
    write_map("uid_map", "0 " + uid + " 1");
    write_map("gid_map", "0 " + gid + " 1");
  } catch (const Error&) {
    return false;
  }
  return true;
}

// What the child says on the pipe: the program that connected it; nothing when there was no
// namespace to connect.
void connect(int pipe) {
  require_network(Network::fetch);
  if (!enter_user_namespace()) return;
  // In a process of its own: the helper must start where there is a network to connect it to.
  sys::Pipe made = sys::pipe();
  const sys::Child space = sys::fork_child([&] {
    made.read.reset();
    if (::unshare(CLONE_NEWNET) != 0) return;
    sys::write_all(made.write.get(), "1", "pipe");
    for (;;) ::pause();  // until it is killed, with its parent at the latest
  });
  made.write.reset();
  std::byte byte{};
  if (sys::read_full(made.read.get(), {&byte, 1}, "pipe") == 0) return;
  const UserNetwork network(
      sys::open("/proc/" + std::to_string(space.pid()) + "/ns/net", O_RDONLY).get());
  sys::write_all(pipe, network.program(), "pipe");
}

}  // namespace

sys::Check probe_network() {
  sys::Check check{kName, sys::Outcome::ok, {}, {}, {}, sys::Level::full};
  try {
    sys::Pipe pipe = sys::pipe();
    sys::Child child = sys::fork_child([&] { connect(pipe.write.get()); });
    pipe.write.reset();
    child.wait_or_throw();
    std::string program(64, '\0');
    program.resize(
        sys::read_full(pipe.read.get(), std::as_writable_bytes(std::span(program)), "pipe"));
    if (program.empty()) {
      check.outcome = sys::Outcome::unknown;
      check.reason = "not tried: needs 'user-namespace'";
    } else {
      check.reason = quoted(program) + " connected a network namespace";
    }
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    check.outcome = sys::Outcome::lack;
    check.reason = error.message();
    check.remedy = error.hint();
    check.lost = kLost;
  }
  return check;
}

}  // namespace gbox::sandbox
