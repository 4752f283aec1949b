// System calls of a step that gbox itself answers, by the kernel's user notification (seccomp(2),
// SECCOMP_RET_USER_NOTIF): for emulating what a host does not grant, and for telling which rule of
// a policy refused what. No boundary: a step's memory may change while it is looked at, so what
// decides over safety must be refused by the policy, never by a handler.
//
// Nothing is set up and nothing costs anything where no notification is asked for. A sandbox has
// one listener, in a thread of gbox's, which calls the handlers one after the other.
#pragma once

#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "gbox/sandbox/policy.h"

namespace gbox::sandbox {

// A call that waits for its answer. Only valid while its handler runs.
class Call {
 public:
  Call(int listener, std::uint64_t id, pid_t thread, std::uint32_t audit, std::uint32_t nr,
       const std::array<std::uint64_t, 6>& args);

  pid_t pid;                   // the calling thread's id, as gbox sees it
  std::uint32_t architecture;  // AUDIT_ARCH_*
  std::uint32_t number;        // with x32's bit where it is one
  std::array<std::uint64_t, 6> arguments;
  std::string name;  // "" when nobody has given the number one

  // The caller still waits: its id is not another process' by now. To be asked after every look at
  // the caller's memory or files by way of `pid`, and before what was seen is believed.
  [[nodiscard]] bool alive() const noexcept;

  // The caller's memory. False, or nothing, where it is not there or the caller is gone: EFAULT is
  // the answer then. Checked with alive().
  [[nodiscard]] bool read(std::uint64_t address, std::span<std::byte> into) const;
  [[nodiscard]] bool write(std::uint64_t address, std::span<const std::byte> bytes) const;
  // Up to a zero byte, which must come within `limit` bytes.
  [[nodiscard]] std::optional<std::string> read_string(std::uint64_t address,
                                                       std::size_t limit = 4096) const;
  // Puts a copy of `fd` into the caller; its number there, or -1 with errno set.
  [[nodiscard]] int give_descriptor(int fd, bool close_on_exec) const noexcept;

 private:
  int listener_;
  std::uint64_t id_;
};

struct Answer {
  static Answer error(int error_number) { return {0, error_number, false}; }
  static Answer last_error() { return error(errno); }
  static Answer result(std::int64_t value) { return {value, 0, false}; }
  // The kernel does the call itself, with what the arguments' memory holds by then.
  static Answer proceed() { return {0, 0, true}; }

  std::int64_t value = 0;
  int error_number = 0;
  bool goes_on = false;
};

// Called in the listener's thread. What it throws ends in Sandbox::wait(), and the call with EIO.
using Handler = std::function<Answer(const Call&)>;

struct Notified {
  // By name, on every architecture that has the call. Asked only where the policy allows the call
  // with these arguments.
  std::map<std::string, Handler> handlers;
  // Told of each call that the policy does not allow, before it gets the error it gets anyhow.
  std::function<void(const Call&, const Decision&)> on_refusal;
};

}  // namespace gbox::sandbox
