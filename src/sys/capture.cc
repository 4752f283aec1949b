// Helpers whose output and exit status are an answer (process.h).
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "gbox/base/text.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/process.h"

namespace gbox::sys {

namespace {

constexpr std::size_t kPipeSize = 64 << 10;  // pipe(7)

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

struct Stream {
  Fd end;
  std::string text;
};

// Between fork and exec: no allocation. The errno of a failed exec goes through `failure`.
[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& environment,
                         int in, int out, int err, int failure, pid_t parent) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);  // cannot fail for a valid signal
  if (::getppid() != parent) ::_exit(127);   // the parent died before the line above
  if (::dup2(in, 0) >= 0 && ::dup2(out, 1) >= 0 && ::dup2(err, 2) >= 0)
    (void)::execve(argv[0], argv.data(), environment.data());
  const int error_number = errno;
  (void)!::write(failure, &error_number, sizeof error_number);
  ::_exit(127);
}

enum class Errors {
  all,    // somebody reads them while the helper runs
  first,  // nobody does: a full pipe must not stop the helper, so it loses what it says then
};

struct Started {
  Child child;
  Fd output;
  Fd errors;
  Fd failure;
};

Started start(const std::vector<std::string>& argv, std::string_view deed, const HelperInput& input,
              Errors wanted) {
  Pipe output = pipe();
  Pipe errors = pipe();
  Pipe failure = pipe();
  if (wanted == Errors::first && ::fcntl(errors.write.get(), F_SETFL, O_WRONLY | O_NONBLOCK) != 0)
    throw SysError(errno, deed);
  const Fd null = open("/dev/null", O_RDONLY);
  const std::vector<char*> arguments = pointers(argv);
  const std::vector<char*> environment = pointers(input.environment);
  const int in = input.standard_input < 0 ? null.get() : input.standard_input;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw SysError(errno, deed);
  if (pid == 0)
    become(arguments, environment, in, output.write.get(), errors.write.get(), failure.write.get(),
           parent);
  return {Child(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))),
          std::move(output.read), std::move(errors.read), std::move(failure.read)};
}

void throw_if_not_executed(int failure_fd, std::string_view deed, const std::string& program) {
  int error_number = 0;
  if (read_full(failure_fd, std::as_writable_bytes(std::span(&error_number, 1)), "pipe") ==
      sizeof error_number)
    throw SysError(error_number, std::string(deed) + ": execute " + quoted(program));
}

// Reads both streams to their ends, whichever the helper fills first.
void drain(Stream& output, Stream& errors, std::size_t limit, std::string_view deed) {
  std::array<char, 16384> buffer;
  while (output.end || errors.end) {
    std::array<pollfd, 3> polled = {pollfd{output.end.get(), POLLIN, 0},
                                    pollfd{errors.end.get(), POLLIN, 0},
                                    pollfd{interrupt_fd(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) throw SysError(errno, deed);
    check_interrupt();
    for (Stream* stream : {&output, &errors}) {
      if (!stream->end || polled[stream == &output ? 0 : 1].revents == 0) continue;
      const ssize_t count = ::read(stream->end.get(), buffer.data(), buffer.size());
      if (count < 0 && errno != EINTR) throw SysError(errno, deed);
      if (count == 0) stream->end.reset();
      if (count > 0) stream->text.append(buffer.data(), static_cast<std::size_t>(count));
      if (stream->text.size() > limit)
        throw Error(std::string(deed) + ": the helper said more than " + human_size(limit));
    }
  }
}

}  // namespace

HelperOutput capture_helper(const std::vector<std::string>& argv, std::string_view deed,
                            const HelperInput& input) {
  Started started = start(argv, deed, input, Errors::all);
  Stream output{std::move(started.output), {}};
  Stream errors{std::move(started.errors), {}};
  drain(output, errors, input.limit_bytes, deed);
  const ExitStatus status = started.child.wait();
  throw_if_not_executed(started.failure.get(), deed, argv[0]);
  return {status, std::move(output.text), std::move(errors.text)};
}

RunningHelper::RunningHelper(const std::vector<std::string>& argv, std::string_view deed,
                             const HelperInput& input)
    : program_(argv[0]), deed_(deed) {
  Started started = start(argv, deed, input, Errors::first);
  output_ = std::move(started.output);
  errors_ = std::move(started.errors);
  failure_ = std::move(started.failure);
  child_ = std::move(started.child);
}

HelperOutput RunningHelper::wait() {
  const ExitStatus status = child_.wait();
  throw_if_not_executed(failure_.get(), deed_, program_);
  std::string said(kPipeSize, '\0');
  said.resize(read_full(errors_.get(), std::as_writable_bytes(std::span(said)), deed_));
  return {status, {}, std::move(said)};
}

std::string find_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  // /sbin is often missing from an ordinary user's PATH.
  const std::string places = std::string(path == nullptr ? "" : path) + ":/usr/bin:/bin:/sbin";
  for (const std::string& directory : split(places, ':')) {
    if (directory.empty() || directory.front() != '/') continue;
    const std::string candidate = directory + '/' + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace gbox::sys
