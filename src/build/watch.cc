#include "watch.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/sys/interrupt.h"
#include "secrets.h"

namespace gbox::build {

namespace {

constexpr int kPumpMilliseconds = 100;

// Cuts a stream into lines of bounded length.
class Lines {
 public:
  explicit Lines(std::function<void(std::string_view)> on_line) : on_line_(std::move(on_line)) {}

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
  std::function<void(std::string_view)> on_line_;
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

struct Watched::State {
  State(sandbox::Sandbox started, sys::Fd output, Watch watch)
      : box(std::move(started)),
        output_end(std::move(output)),
        lines(std::move(watch.on_line)),
        on_pump(std::move(watch.on_pump)),
        log(watch.log_fd),
        redactor(std::move(watch.secrets), [this](std::string_view text) {
          log.write(text);
          lines.add(text);
        }) {}

  void read() {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(output_end.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return;
    if (count < 0) throw SysError(errno, "read the step's output");
    if (count == 0) {
      output_end.reset();
      redactor.finish();
      lines.flush();
      return;
    }
    redactor.add(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  }

  sandbox::Sandbox box;
  sys::Fd output_end;
  Lines lines;
  std::function<void()> on_pump;
  Log log;
  Redactor redactor;
};

Watched::Watched(sandbox::Settings settings, const sandbox::Policy& policy, Watch watch) {
  sys::Pipe output = sys::pipe();
  sandbox::Sandbox box = sandbox::Sandbox::start(
      std::move(settings), policy, sandbox::Pipes{-1, output.write.get(), output.write.get()});
  state_ = std::make_unique<State>(std::move(box), std::move(output.read), std::move(watch));
}

Watched::~Watched() = default;
Watched::Watched(Watched&&) noexcept = default;
Watched& Watched::operator=(Watched&&) noexcept = default;

bool Watched::is_open() const noexcept {
  return static_cast<bool>(state_->output_end);
}

pid_t Watched::pid() const noexcept {
  return state_->box.pid();
}

void Watched::kill() noexcept {
  state_->box.kill();
}

// The outer process, which holds no end of the pipe, may be there a moment longer.
sys::ExitStatus Watched::wait() {
  const sys::ExitStatus status = state_->box.wait();
  if (state_->on_pump) state_->on_pump();
  return status;
}

void pump(std::span<Watched* const> all) {
  std::vector<pollfd> watched = {{sys::interrupt_fd(), POLLIN, 0}};
  // poll(2) passes over descriptors below 0, which those at their end have.
  for (const Watched* one : all) watched.push_back({one->state_->output_end.get(), POLLIN, 0});
  if (::poll(watched.data(), watched.size(), kPumpMilliseconds) < 0 && errno != EINTR)
    throw SysError(errno, "watch the step");
  sys::check_interrupt();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (watched[i + 1].revents != 0) all[i]->state_->read();
  for (const Watched* one : all)
    if (one->state_->on_pump) one->state_->on_pump();
}

}  // namespace gbox::build
