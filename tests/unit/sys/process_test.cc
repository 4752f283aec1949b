#include "gbox/sys/process.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "gbox/base/error.h"
#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::sys;

namespace {

bool readable(int fd, int timeout_ms) {
  pollfd one = {fd, POLLIN, 0};
  return ::poll(&one, 1, timeout_ms) == 1;
}

// The test runner handles signals to report crashes: not in a child that is to die of one.
void die_by(int signal_number) {
  (void)std::signal(signal_number, SIG_DFL);
  (void)::raise(signal_number);
}

void sleep_for_ever() {
  (void)std::signal(SIGTERM, SIG_DFL);
  for (;;) ::pause();
}

std::string helper_error(const std::vector<std::string>& argv) {
  try {
    run_helper(argv, "do it");
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

}  // namespace

TEST_CASE("an error of a forked child arrives whole: message, hint and code") {
  Child child = fork_child(
      [] { throw Error("open 'x': it is 'odd'\n\x01", ExitCode::input).set_hint("use another"); });
  try {
    child.wait_or_throw();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.message() == "open 'x': it is 'odd'\n\x01");
    CHECK(error.hint() == "use another");
    CHECK(error.code() == ExitCode::input);
  }
}

TEST_CASE("an error that is longer than a pipe holds arrives as well") {
  const std::string text(300000, 'x');
  Child child = fork_child([&] { throw Error(text); });
  try {
    child.wait_or_throw();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.message() == text);
  }
}

TEST_CASE("a forked child's success, bug, interruption and death are told apart") {
  fork_child([] {}).wait_or_throw();

  Child bug = fork_child([] { throw std::runtime_error("a bug"); });
  CHECK_THROWS_WITH_AS(bug.wait_or_throw(), "internal error: a bug", Error);

  Child stopped = fork_child([] { throw Interrupted(SIGTERM); });
  try {
    stopped.wait_or_throw();
    FAIL("no error");
  } catch (const Interrupted& error) {
    CHECK(error.signal_number() == SIGTERM);
  }

  Child killed = fork_child([] { die_by(SIGKILL); });
  CHECK_THROWS_WITH_AS(killed.wait_or_throw(), "a child process was killed by signal 9", Error);

  Child silent = fork_child([] { ::_exit(3); });
  CHECK_THROWS_WITH_AS(silent.wait_or_throw(), "a child process ended with exit code 3", Error);
}

TEST_CASE("how a child ended is its code, or 128 and the signal") {
  Child exits = fork_child([] { ::_exit(7); });
  const ExitStatus status = exits.wait();
  CHECK(status.code == 7);
  CHECK(status.signal == 0);
  Child dies = fork_child([] { die_by(SIGTERM); });
  const ExitStatus death = dies.wait();
  CHECK(death.code == 143);
  CHECK(death.signal == SIGTERM);
}

TEST_CASE("a child that goes out of scope is killed and reaped") {
  pid_t pid = -1;
  Pipe held = pipe();
  {
    const Child child = fork_child(sleep_for_ever);
    pid = child.pid();
    held.write.reset();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) == -1);
  CHECK(::waitpid(pid, nullptr, WNOHANG) == -1);
  CHECK(readable(held.read.get(), 5000));
}

TEST_CASE("a child that is moved from owns nothing, one assigned to is ended first") {
  Child first = fork_child(sleep_for_ever);
  const pid_t first_pid = first.pid();
  Child second = std::move(first);
  CHECK(first.pid() == -1);
  CHECK(second.pid() == first_pid);
  Child third = fork_child(sleep_for_ever);
  const pid_t third_pid = third.pid();
  third = std::move(second);
  CHECK(::waitpid(third_pid, nullptr, WNOHANG) == -1);
  CHECK(third.pid() == first_pid);
  CHECK_FALSE(readable(third.pidfd(), 0));
  third.kill(SIGTERM);
  CHECK(readable(third.pidfd(), 5000));
  CHECK(third.wait().code == 143);
  third.kill(SIGTERM);  // nobody is there any more: silent
}

TEST_CASE("a forked child dies with its parent") {
  Pipe line = pipe();
  Child parent = fork_child([&] {
    const Child grandchild = fork_child([&] {
      write_all(line.write.get(), "1", "pipe");
      for (;;) ::pause();
    });
    for (;;) ::pause();
  });
  line.write.reset();
  std::byte byte{};
  REQUIRE(read_full(line.read.get(), {&byte, 1}, "pipe") == 1);
  parent.kill(SIGKILL);
  (void)parent.wait();
  CHECK(readable(line.read.get(), 5000));  // end of file: nobody holds the other end
  CHECK(read_full(line.read.get(), {&byte, 1}, "pipe") == 0);
}

TEST_CASE("a helper that fails is quoted, made printable; one that succeeds is silent") {
  CHECK(helper_error({"/bin/sh", "-c", "exit 0"}) == "no error");
  CHECK(helper_error({"/bin/sh", "-c", "echo not so >&2; exit 1"}) == "do it: not so");
  CHECK(helper_error({"/bin/sh", "-c", "exit 4"}) == "do it: exit 4");
  CHECK(helper_error({"/bin/sh", "-c", "kill -9 $$"}) == "do it: killed by signal 9");
  CHECK(helper_error({"/bin/sh", "-c", "printf '\\033[2Jhm\\n' >&2; exit 1"}) == "do it: ?[2Jhm");
  CHECK(helper_error({"/no/such/helper"}) ==
        "do it: execute '/no/such/helper': No such file or directory");
}

TEST_CASE("a helper has an empty environment, no input and no descriptor of ours") {
  REQUIRE(::setenv("GBOX_TEST_SECRET", "x", 1) == 0);
  const Fd null = sys::open("/dev/null", O_RDONLY);
  const Fd high(::fcntl(null.get(), F_DUPFD_CLOEXEC, 777));
  const std::string said =
      helper_error({"/bin/sh", "-c",
                    "cat; echo \"${GBOX_TEST_SECRET-unset}\" >&2; ls /proc/self/fd >&2; exit 1"});
  (void)::unsetenv("GBOX_TEST_SECRET");
  CHECK(said.starts_with("do it: unset?0?1?"));
  CHECK(said.find("777") == std::string::npos);
}
