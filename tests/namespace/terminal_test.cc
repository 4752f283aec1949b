// A sandbox on a terminal of its own, as 'gbox shell' has it.
#include <doctest/doctest.h>

#include <poll.h>
#include <sys/ioctl.h>

#include <chrono>

#include "box.h"

using namespace gbox;
using namespace gbox::tests;

namespace {

// What comes out of the terminal until its last user is gone.
class Screen {
 public:
  explicit Screen(int fd) : fd_(fd) {}
  std::string all() {
    while (more()) {
    }
    return text_;
  }
  bool shows(std::string_view text) {
    while (text_.find(text) == std::string::npos)
      if (!more()) return false;
    return true;
  }

 private:
  bool more() {
    pollfd end = {fd_, POLLIN, 0};
    if (::poll(&end, 1, kPatienceMs) <= 0) return false;
    char buffer[4096];
    const ssize_t count = ::read(fd_, buffer, sizeof buffer);
    if (count <= 0) return false;  // EIO: nobody has it open any more
    for (ssize_t i = 0; i < count; ++i)
      if (buffer[i] != '\r') text_ += buffer[i];
    return true;
  }
  int fd_;
  std::string text_;
};

sandbox::Sandbox start(const Box& box, const std::string& deeds, sandbox::Terminal size) {
  sandbox::Settings settings = box.settings(deeds);
  (void)sandbox::ensure_targets(settings);
  return sandbox::Sandbox::start(std::move(settings), sandbox::load_policy("run"), size);
}

}  // namespace

TEST_CASE("the command has a terminal of the sandbox's own, of the size asked for") {
  const Box box;
  sandbox::Sandbox running = start(box, "terminal ; list /dev/pts ; open /dev/tty rw", {37, 111});
  Screen screen(running.terminal_fd());
  CHECK(screen.all() == "/dev/pts/0 37x111 own-session foreground\n0\nptmx\nok\n");
  CHECK(running.wait().code == 0);
}

TEST_CASE("a terminal's descriptors are the three standard ones and no more") {
  const Box box;
  sandbox::Sandbox running = start(box, "descriptors ; arguments -- ; list /proc/1/fd", {24, 80});
  Screen screen(running.terminal_fd());
  CHECK(screen.all() == "0 /dev/pts/0\n1 /dev/pts/0\n2 /dev/pts/0\n--\n0\n1\n2\n");
}

TEST_CASE("what is typed arrives, and Ctrl-C ends the command") {
  const Box box;
  sandbox::Sandbox running = start(box, "echo ; ready ; wait", {24, 80});
  Screen screen(running.terminal_fd());
  sys::write_all(running.terminal_fd(), "a word\n", "terminal");
  CHECK(screen.shows("heard a word\nready\n"));
  sys::write_all(running.terminal_fd(), "\x03", "terminal");
  CHECK(running.wait().code == 130);
}

TEST_CASE("a window change is seen inside") {
  const Box box;
  sandbox::Sandbox running = start(box, "echo ; terminal", {24, 80});
  const winsize size = {50, 132, 0, 0};
  REQUIRE(::ioctl(running.terminal_fd(), TIOCSWINSZ, &size) == 0);
  sys::write_all(running.terminal_fd(), "now\n", "terminal");
  Screen screen(running.terminal_fd());
  CHECK(screen.shows("/dev/pts/0 50x132 "));
  CHECK(running.wait().code == 0);
}

TEST_CASE("no word can be pushed into the terminal from inside") {
  const Box box;
  sandbox::Sandbox running = start(box, "push-word ; unshare Um ; push-word", {24, 80});
  Screen screen(running.terminal_fd());
  CHECK(screen.all() == "EPERM\nok\nEPERM\n");
}

TEST_CASE("gbox's own terminal is not the sandbox's, and hangs up when the sandbox is killed") {
  const Box box;
  sandbox::Sandbox running = start(box, "daemon ; ready ; wait", {24, 80});
  Screen screen(running.terminal_fd());
  CHECK(screen.shows("ready\n"));
  running.kill();
  (void)screen.all();
  CHECK(running.wait().code == 137);
}

TEST_CASE("without a terminal there is none to control") {
  const Box box;
  CHECK(box.run("terminal ; open /dev/tty rw").out == "no terminal\nENXIO\n");
}
