#include "watch.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <string>

#include "gbox/base/error.h"
#include "gbox/sys/interrupt.h"

namespace gbox::build {

namespace {

// Cuts a stream into lines of bounded length.
class Lines {
 public:
  explicit Lines(const std::function<void(std::string_view)>& on_line) : on_line_(on_line) {}

  void add(std::string_view text) {
    for (const char c : text) {
      // A carriage return redraws the line: what it replaces was never meant to last.
      if (c == '\n' || c == '\r') {
        flush();
      } else if (line_.size() < kMaxShownLine) {
        line_ += c;
      }
    }
  }
  void flush() {
    if (!line_.empty() && on_line_) on_line_(line_);
    line_.clear();
  }

 private:
  const std::function<void(std::string_view)>& on_line_;
  std::string line_;
};

class Log {
 public:
  explicit Log(int fd) : fd_(fd) {}
  void write(std::string_view text) {
    if (fd_ < 0 || full_) return;
    written_ += text.size();
    sys::write_all(fd_, text, "the step's log");
    if (written_ <= kMaxLogBytes) return;
    full_ = true;
    sys::write_all(fd_, "\n[gbox: the rest of the output was dropped]\n", "the step's log");
  }

 private:
  int fd_;
  std::uint64_t written_ = 0;
  bool full_ = false;
};

}  // namespace

sys::ExitStatus run_watched(sandbox::Settings settings, const sandbox::Policy& policy,
                            const Watch& watch) {
  sys::Pipe output = sys::pipe();
  sandbox::Sandbox box = sandbox::Sandbox::start(
      std::move(settings), policy, sandbox::Pipes{-1, output.write.get(), output.write.get()});
  output.write.reset();
  Lines lines(watch.on_line);
  Log log(watch.log_fd);
  std::array<char, 65536> buffer;
  bool open = true;
  // End of file comes when the last process of the step is gone; the outer process, which holds
  // no end of the pipe, is waited for afterwards.
  while (open) {
    std::array<pollfd, 2> watched = {pollfd{output.read.get(), POLLIN, 0},
                                     pollfd{sys::interrupt_fd(), POLLIN, 0}};
    const int ready = ::poll(watched.data(), watched.size(), 100);
    if (ready < 0 && errno != EINTR) throw SysError(errno, "watch the step");
    sys::check_interrupt();  // the sandbox's destructor kills it on the way out
    if (watch.on_tick) watch.on_tick();
    if (ready <= 0 || watched[0].revents == 0) continue;
    const ssize_t count = ::read(output.read.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw SysError(errno, "read the step's output");
    if (count == 0) open = false;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(count));
    log.write(text);
    lines.add(text);
  }
  lines.flush();
  return box.wait();
}

}  // namespace gbox::build
