#include "gbox/sys/interrupt.h"

#include <atomic>
#include <cerrno>
#include <csignal>

#include "gbox/base/error.h"
#include "gbox/sys/fd.h"

namespace gbox::sys {

namespace {

std::atomic<int> received{0};
Pipe& wake_pipe() {
  static Pipe ends = pipe();
  return ends;
}
int wake_write_fd = -1;  // what the handler may touch: no function-local static in there

extern "C" void on_signal(int signal_number) {
  const int saved = errno;
  received.store(signal_number, std::memory_order_relaxed);
  (void)!::write(wake_write_fd, "!", 1);  // a full pipe is as good: it is readable
  // SA_RESETHAND: the next one of this kind has its default effect.
  errno = saved;
}

}  // namespace

void install_interrupt_handlers() {
  wake_pipe() = pipe();  // one of our own: who was forked shares its parent's until now
  wake_write_fd = wake_pipe().write.get();
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  (void)::sigemptyset(&action.sa_mask);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP})
    if (::sigaction(signal_number, &action, nullptr) != 0)
      throw SysError(errno, "install signal handlers");
}

void check_interrupt() {
  const int signal_number = received.load(std::memory_order_relaxed);
  if (signal_number != 0) throw Interrupted(signal_number);
}

void forgive_interrupt() {
  received.store(0, std::memory_order_relaxed);
}

int interrupt_fd() {
  return wake_pipe().read.get();
}

}  // namespace gbox::sys
