// Errors as values a person can act on: one line from the outermost deed to the innermost cause,
// and a hint with an action. Every module throws these; only the CLI prints them.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gbox {

// The process' exit code, documented in gbox(1). An error keeps the code of its innermost cause.
enum class ExitCode : int {
  ok = 0,
  other = 1,  // internal errors and whatever has no better code
  usage = 2,  // command line or spec
  host = 3,   // this host lacks something a sandbox needs
  input = 4,  // a tarball, repository, image or download is missing, damaged or hostile
  plan = 5,   // the plan cannot be made
  step = 6,   // a step failed
  image = 7,  // the image could not be written or is not valid
};

// What went wrong, what the user was doing (contexts, outermost first), and what to do about it.
class Error : public std::exception {
 public:
  explicit Error(std::string message, ExitCode code = ExitCode::other)
      : message_(std::move(message)), code_(code) {
    render();
  }

  // Adds an outer deed: "unpack 'x.tar'" → "unpack 'x.tar': <what it said before>".
  Error& add_context(std::string_view deed) {
    message_.insert(0, std::string(deed) + ": ");
    render();
    return *this;
  }
  // Sets the hint unless an inner cause, which knows better, already gave one.
  Error& add_hint(std::string hint) {
    if (hint_.empty()) hint_ = std::move(hint);
    return *this;
  }
  Error& set_hint(std::string hint) {
    hint_ = std::move(hint);
    return *this;
  }
  // Sets the exit code unless an inner cause already set one other than `other`.
  Error& add_code(ExitCode code) {
    if (code_ == ExitCode::other) code_ = code;
    return *this;
  }

  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  [[nodiscard]] ExitCode code() const noexcept { return code_; }
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

 private:
  void render() { what_ = message_; }

  std::string message_;
  std::string hint_;
  std::string what_;
  ExitCode code_;
};

// A failed system call. `deed` names call and subject, such as "open '/etc/subuid'"; the text of
// errno follows. Translate misleading errno values in the wrapper, before they reach a person.
class SysError : public Error {
 public:
  SysError(int error_number, std::string_view deed, ExitCode code = ExitCode::other);
  [[nodiscard]] int error_number() const noexcept { return error_number_; }

 private:
  int error_number_;
};

// The user or a signal asked to stop; unwinds like an error, exits with 128 + signal number.
class Interrupted : public Error {
 public:
  explicit Interrupted(int signal_number);
  [[nodiscard]] int signal_number() const noexcept { return signal_number_; }

 private:
  int signal_number_;
};

// A place in a file that a person wrote. Line and column count from 1; 0 means unknown.
struct Location {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
};
// "stage4.toml:14:3", without the parts that are unknown.
std::string to_string(const Location& location);

struct SpecFault {
  Location where;
  std::string message;
  std::string hint;  // may be empty
};

// All faults of one file, collected; what() holds every one, a line each, with its hint behind it.
class SpecError : public Error {
 public:
  explicit SpecError(std::vector<SpecFault> faults);
  [[nodiscard]] const std::vector<SpecFault>& faults() const noexcept { return faults_; }

 private:
  std::vector<SpecFault> faults_;
};

// Adds "deed: " to an Error on its way out. `action` is run once.
template <class Action>
decltype(auto) with_context(std::string_view deed, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (Error& error) {
    error.add_context(deed);
    throw;
  }
}

// A failure that is survived: says what is lost. Delivered to whoever watches (see sink.h).
struct Warning {
  std::string message;
  std::string hint;  // may be empty
};

}  // namespace gbox
