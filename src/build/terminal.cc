#include "terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/interrupt.h"
#include "policy_trace.h"

namespace gbox::build {

namespace {

volatile std::sig_atomic_t window_changed = 0;

extern "C" void on_window_change(int) {
  window_changed = 1;
}

winsize window_size() {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    size.ws_row = 24;
    size.ws_col = 80;
  }
  return size;
}

// Keys go through as they are, Ctrl-C included; undone on every way out.
class RawMode {
 public:
  RawMode() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) throw SysError(errno, "read terminal settings");
    termios raw = before_;
    ::cfmakeraw(&raw);
    if (::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
      throw SysError(errno, "change terminal settings");
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode() { (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_); }  // the terminal may be gone

 private:
  termios before_{};
};

enum class Copied { some, end };

Copied copy_some(int from, int to, const char* what) {
  std::array<std::byte, 16384> buffer;
  const ssize_t count = ::read(from, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return Copied::some;
  // EIO: the last process that had the other end of a terminal is gone.
  if (count < 0 && errno != EIO) throw SysError(errno, std::string("read ") + what);
  if (count <= 0) return Copied::end;
  sys::write_all(to, std::span(buffer).first(static_cast<std::size_t>(count)), what);
  return Copied::some;
}

// Told between what the command prints; each line whole, and on a raw terminal from its beginning.
void tell_refusals(PolicyTrace* trace, const char* end_of_line) {
  if (trace == nullptr) return;
  trace->drain([&](const std::string& line) {
    sys::write_all(STDERR_FILENO, "gbox: " + printable(line) + end_of_line, "standard error");
  });
}

// How long to wait for output: what a trace tells comes by another way.
int patience_ms(const PolicyTrace* trace) {
  return trace == nullptr ? -1 : 100;
}

sys::ExitStatus run_on_terminal(sandbox::Settings settings, const sandbox::Policy& policy,
                                PolicyTrace* trace) {
  struct sigaction action {};
  action.sa_handler = on_window_change;
  (void)::sigemptyset(&action.sa_mask);
  if (::sigaction(SIGWINCH, &action, nullptr) != 0) throw SysError(errno, "watch the window size");
  const winsize size = window_size();
  sandbox::Sandbox box = sandbox::Sandbox::start(std::move(settings), policy,
                                                 sandbox::Terminal{size.ws_row, size.ws_col});
  {
    const RawMode raw;
    bool input_open = true;
    for (;;) {
      std::array<pollfd, 3> watched = {pollfd{box.terminal_fd(), POLLIN, 0},
                                       pollfd{sys::interrupt_fd(), POLLIN, 0},
                                       pollfd{input_open ? STDIN_FILENO : -1, POLLIN, 0}};
      if (::poll(watched.data(), watched.size(), patience_ms(trace)) < 0 && errno != EINTR)
        throw SysError(errno, "watch the terminal");
      sys::check_interrupt();
      tell_refusals(trace, "\r\n");
      if (window_changed != 0) {
        window_changed = 0;
        const winsize now = window_size();
        (void)::ioctl(box.terminal_fd(), TIOCSWINSZ, &now);  // cosmetic
      }
      if (watched[0].revents != 0 &&
          copy_some(box.terminal_fd(), STDOUT_FILENO, "the terminal") == Copied::end)
        break;
      if (watched[2].revents != 0 &&
          copy_some(STDIN_FILENO, box.terminal_fd(), "the terminal") == Copied::end)
        input_open = false;
    }
  }
  const sys::ExitStatus status = box.wait();
  tell_refusals(trace, "\n");
  return status;
}

sys::ExitStatus run_on_pipes(sandbox::Settings settings, const sandbox::Policy& policy,
                             PolicyTrace* trace) {
  sys::Pipe output = sys::pipe();
  sys::Pipe errors = sys::pipe();
  // A terminal as standard input alone is not handed in: a sandbox gets no terminal of ours.
  const int input = ::isatty(STDIN_FILENO) == 1 ? -1 : STDIN_FILENO;
  sandbox::Sandbox box = sandbox::Sandbox::start(
      std::move(settings), policy, sandbox::Pipes{input, output.write.get(), errors.write.get()});
  output.write.reset();
  errors.write.reset();
  while (output.read || errors.read) {
    std::array<pollfd, 3> watched = {pollfd{output.read.get(), POLLIN, 0},
                                     pollfd{errors.read.get(), POLLIN, 0},
                                     pollfd{sys::interrupt_fd(), POLLIN, 0}};
    if (::poll(watched.data(), watched.size(), patience_ms(trace)) < 0 && errno != EINTR)
      throw SysError(errno, "watch the command");
    sys::check_interrupt();
    tell_refusals(trace, "\n");
    if (watched[0].revents != 0 &&
        copy_some(output.read.get(), STDOUT_FILENO, "standard output") == Copied::end)
      output.read.reset();
    if (watched[1].revents != 0 &&
        copy_some(errors.read.get(), STDERR_FILENO, "standard error") == Copied::end)
      errors.read.reset();
  }
  const sys::ExitStatus status = box.wait();
  tell_refusals(trace, "\n");
  return status;
}

}  // namespace

bool on_terminal() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

sys::ExitStatus run_connected(sandbox::Settings settings, const sandbox::Policy& policy,
                              PolicyTrace* trace) {
  return on_terminal() ? run_on_terminal(std::move(settings), policy, trace)
                       : run_on_pipes(std::move(settings), policy, trace);
}

}  // namespace gbox::build
