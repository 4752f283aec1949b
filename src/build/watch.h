// Watching a running sandbox: its output goes to the log and, line by line, to whoever watches;
// a signal to gbox ends it; nothing it prints can fill memory or the disk without bound.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/sandbox/sandbox.h"
#include "gbox/sys/process.h"

namespace gbox::build {

constexpr std::size_t kMaxShownLine = 4096;         // longer lines are cut where they are shown
constexpr std::uint64_t kMaxLogBytes = 256u << 20;  // what a step prints beyond is dropped

struct Watch {
  int log_fd = -1;
  std::function<void(std::string_view line)> on_line;
  std::function<void()> on_pump;     // about ten times a second while it runs, and at its end
  std::vector<std::string> secrets;  // words that neither gets to see; secrets.h
};

// A sandbox that runs with its output connected to a Watch. The destructor kills it.
class Watched {
 public:
  Watched(sandbox::Settings settings, const sandbox::Policy& policy, Watch watch);
  ~Watched();
  Watched(Watched&&) noexcept;
  Watched& operator=(Watched&&) noexcept;

  // Whether output may still come. It ends when the last process of the step is gone.
  [[nodiscard]] bool is_open() const noexcept;
  [[nodiscard]] pid_t pid() const noexcept;
  void kill() noexcept;
  // How it ended; is_open() must be false.
  sys::ExitStatus wait();

 private:
  friend void pump(std::span<Watched* const> all);
  struct State;
  std::unique_ptr<State> state_;
};

// Hands on what has come from any of them, or waits for it, for a tenth of a second at most. Throws
// Interrupted when a signal has arrived: it is for the caller to let go of them, which kills them.
void pump(std::span<Watched* const> all);

}  // namespace gbox::build
