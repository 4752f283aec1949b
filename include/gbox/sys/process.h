// Processes as owned values: a Child is waited for or killed, never forgotten.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/sys/fd.h"

namespace gbox::sys {

// How a process ended: exit code, or 128 + signal number as shells say it.
struct ExitStatus {
  int code = 0;
  int signal = 0;  // 0 when it exited by itself
};

// One child process, by pidfd. The destructor kills and reaps it.
class Child {
 public:
  Child() noexcept = default;
  Child(pid_t pid, Fd pidfd, Fd error_pipe = Fd()) noexcept
      : pid_(pid), pidfd_(std::move(pidfd)), error_pipe_(std::move(error_pipe)) {}
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // Readable when the process has ended.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  void kill(int signal_number) noexcept;
  ExitStatus wait();
  // For fork_child: rethrows what the child threw, with message, hint and exit code.
  void wait_or_throw();

 private:
  void end() noexcept;
  pid_t pid_ = -1;
  Fd pidfd_;
  Fd error_pipe_;
};

// Runs `action` in a forked child, which exits 0 when it returns and hands an Error back when it
// throws. The child dies with its parent. For set-up work only, never for running a step.
Child fork_child(const std::function<void()>& action);

// Runs a helper program with an empty environment and no input; throws Error with what it said
// on standard error when it fails. `deed` is the error's context.
void run_helper(const std::vector<std::string>& argv, std::string_view deed);

// What capture_helper gives a program and takes from it.
struct HelperInput {
  int standard_input = -1;               // borrowed, read from its present offset; -1: no input
  std::vector<std::string> environment;  // "NAME=value"; nothing of ours is added
  std::size_t limit_bytes = 1u << 20;    // of either output; more is an error
};
struct HelperOutput {
  ExitStatus status;
  std::string output;  // of descriptor 1
  std::string errors;  // of descriptor 2
};
// Runs a helper whose exit status is an answer. Throws Error when it cannot be executed or says
// more than the limit, Interrupted when a signal has arrived; the helper is killed then, and dies
// with this process. `argv[0]` is a path.
HelperOutput capture_helper(const std::vector<std::string>& argv, std::string_view deed,
                            const HelperInput& input = {});

// A helper whose output is read while it runs. The destructor kills it.
class RunningHelper {
 public:
  // As capture_helper. Of what it says on descriptor 2 the first 64 KiB are kept.
  RunningHelper(const std::vector<std::string>& argv, std::string_view deed,
                const HelperInput& input = {});
  [[nodiscard]] int output() const noexcept { return output_.get(); }
  // Waits for its end; it must have closed its output or be about to. Throws Error when it could
  // not be executed.
  HelperOutput wait();  // `output` is empty

 private:
  std::string program_;
  std::string deed_;
  Fd output_;
  Fd errors_;
  Fd failure_;
  Child child_;
};

// Path of `program` by PATH, then by the places where system programs lie; "" when it is nowhere.
std::string find_in_path(const std::string& program);

}  // namespace gbox::sys
