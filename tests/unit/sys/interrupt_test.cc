#include "gbox/sys/interrupt.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "gbox/base/error.h"
#include "gbox/sys/process.h"

using namespace gbox;
using namespace gbox::sys;

namespace {

bool readable(int fd) {
  pollfd one = {fd, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

}  // namespace

// Each in a process of its own: signals and their handlers belong to the whole process.
TEST_CASE("a signal becomes an interruption at the next check, and wakes who polls") {
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP}) {
    CAPTURE(signal_number);
    Child child = fork_child([&] {
      install_interrupt_handlers();
      check_interrupt();
      if (readable(interrupt_fd())) throw Error("readable before any signal");
      (void)::raise(signal_number);
      if (!readable(interrupt_fd())) throw Error("not readable after the signal");
      check_interrupt();
    });
    try {
      child.wait_or_throw();
      FAIL("no interruption");
    } catch (const Interrupted& error) {
      CHECK(error.signal_number() == signal_number);
    } catch (const Error& error) {
      FAIL_CHECK(error.message());
    }
  }
}

TEST_CASE("an interruption stays: every later check throws as well") {
  fork_child([] {
    install_interrupt_handlers();
    (void)::raise(SIGTERM);
    for (int i = 0; i < 3; ++i) {
      bool thrown = false;
      try {
        check_interrupt();
      } catch (const Interrupted&) {
        thrown = true;
      }
      if (!thrown) throw Error("no interruption");
    }
  }).wait_or_throw();
}

TEST_CASE("a second signal of the same kind ends the process at once") {
  Child child = fork_child([] {
    install_interrupt_handlers();
    (void)::raise(SIGINT);
    (void)::raise(SIGINT);
    ::_exit(0);
  });
  CHECK(child.wait().code == 130);
}

TEST_CASE("errno is untouched by a signal, and a poll is interrupted") {
  fork_child([] {
    install_interrupt_handlers();
    errno = ENOTTY;
    (void)::raise(SIGHUP);
    if (errno != ENOTTY) throw Error("errno changed");
  }).wait_or_throw();
}
