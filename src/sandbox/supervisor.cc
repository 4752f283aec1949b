#include "supervisor.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "call_table.h"
#include "gbox/base/error.h"

namespace gbox::sandbox {

namespace {

// Newer than the headers that gbox builds with (Linux 6.6).
constexpr unsigned long kSetFlags = SECCOMP_IOW(4, std::uint64_t);
constexpr std::uint64_t kSameCore = 1;  // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP

// read(2) and write(2) on another process' memory stop at a page that is not there.
constexpr std::uint64_t kPage = 4096;

seccomp_notif_sizes structure_sizes() {
  seccomp_notif_sizes sizes{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
    throw SysError(errno, "enter sandbox: ask for the sizes of seccomp notifications",
                   ExitCode::host);
  return sizes;
}

// Signals are for the threads that wait for them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    (void)::sigfillset(&all);
    (void)::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

iovec vector_of(std::uint64_t address, std::size_t size) {
  return {reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)), size};
}

}  // namespace

Call::Call(int listener, std::uint64_t id, pid_t thread, std::uint32_t audit, std::uint32_t nr,
           const std::array<std::uint64_t, 6>& args)
    : pid(thread),
      architecture(audit),
      number(nr),
      arguments(args),
      name(call_name(audit, nr)),
      listener_(listener),
      id_(id) {}

bool Call::alive() const noexcept {
  return ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &id_) == 0;
}

bool Call::read(std::uint64_t address, std::span<std::byte> into) const {
  const iovec local = {into.data(), into.size()};
  const iovec remote = vector_of(address, into.size());
  const ssize_t count = ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
  return count == static_cast<ssize_t>(into.size()) && alive();
}

bool Call::write(std::uint64_t address, std::span<const std::byte> bytes) const {
  // Before as well: another process may have the id by now.
  if (!alive()) return false;
  const iovec local = {const_cast<std::byte*>(bytes.data()), bytes.size()};
  const iovec remote = vector_of(address, bytes.size());
  const ssize_t count = ::process_vm_writev(pid, &local, 1, &remote, 1, 0);
  return count == static_cast<ssize_t>(bytes.size()) && alive();
}

std::optional<std::string> Call::read_string(std::uint64_t address, std::size_t limit) const {
  std::string text;
  while (text.size() < limit) {
    // To the end of the page: the next one may not be there, and need not be.
    const std::uint64_t from = address + text.size();
    const std::size_t size =
        std::min(static_cast<std::size_t>(kPage - from % kPage), limit - text.size());
    const std::size_t before = text.size();
    text.resize(before + size);
    if (!read(from, std::as_writable_bytes(std::span(text).subspan(before)))) return std::nullopt;
    if (const std::size_t end = text.find('\0', before); end != std::string::npos) {
      text.resize(end);
      return text;
    }
  }
  return std::nullopt;
}

int Call::give_descriptor(int fd, bool close_on_exec) const noexcept {
  seccomp_notif_addfd request{};
  request.id = id_;
  request.srcfd = static_cast<std::uint32_t>(fd);
  request.newfd_flags = close_on_exec ? static_cast<std::uint32_t>(O_CLOEXEC) : 0;
  return ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
}

Notifications notifications_of(const Notified& notified) {
  Notifications result;
  result.refusals = static_cast<bool>(notified.on_refusal);
  for (const auto& [name, handler] : notified.handlers) result.calls.insert(name);
  return result;
}

Supervisor::Supervisor(sys::Fd listener, Policy policy, Notified notified)
    : listener_(std::move(listener)),
      policy_(std::move(policy)),
      notified_(std::move(notified)),
      stop_(sys::pipe()) {
  // A newer kernel's structures may be longer than those this was compiled with.
  const seccomp_notif_sizes sizes = structure_sizes();
  request_.resize(std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)));
  response_.resize(std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)));
  // Caller and listener take turns, and one core for both is what is fastest; older kernels refuse.
  (void)::ioctl(listener_.get(), kSetFlags, kSameCore);
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Supervisor::~Supervisor() {
  stop();
}

void Supervisor::stop() noexcept {
  stop_.write.reset();
  if (thread_.joinable()) thread_.join();
}

void Supervisor::finish() {
  stop();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Supervisor::run() noexcept {
  for (;;) {
    pollfd watched[] = {{listener_.get(), POLLIN, 0}, {stop_.read.get(), POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (watched[1].revents != 0) break;
    if ((watched[0].revents & POLLIN) != 0)
      serve_one();
    else if (watched[0].revents != 0)
      break;  // hung up: nobody is left who could call
  }
  // Whoever still waits for an answer gets ENOSYS instead of waiting for ever.
  listener_.reset();
}

Answer Supervisor::answer_to(const Call& call) noexcept {
  try {
    const Decision decision = decide(policy_, call.name, call.arguments);
    if (decision.kind != Decision::Kind::allowed) {
      if (notified_.on_refusal) notified_.on_refusal(call, decision);
      return Answer::error(decision.error_number());
    }
    const auto handler = notified_.handlers.find(call.name);
    if (handler != notified_.handlers.end()) return handler->second(call);
    throw Error("internal error: no handler for the call '" + call.name + "'");
  } catch (...) {
    if (!failure_) failure_ = std::current_exception();
    return Answer::error(EIO);
  }
}

void Supervisor::serve_one() {
  // The kernel wants it zeroed.
  std::fill(request_.begin(), request_.end(), std::byte{});
  std::fill(response_.begin(), response_.end(), std::byte{});
  // ENOENT: the caller was killed before its call was looked at.
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request_.data()) != 0) return;
  seccomp_notif request{};
  std::memcpy(&request, request_.data(), sizeof request);
  std::array<std::uint64_t, 6> arguments{};
  std::copy(std::begin(request.data.args), std::end(request.data.args), arguments.begin());
  const Call call(listener_.get(), request.id, static_cast<pid_t>(request.pid), request.data.arch,
                  static_cast<std::uint32_t>(request.data.nr), arguments);
  const Answer answer = answer_to(call);
  seccomp_notif_resp response{};
  response.id = request.id;
  response.val = answer.error_number == 0 ? answer.value : 0;
  response.error = -answer.error_number;
  response.flags = answer.goes_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
  std::memcpy(response_.data(), &response, sizeof response);
  // ENOENT: killed in the meantime.
  (void)::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, response_.data());
}

}  // namespace gbox::sandbox
