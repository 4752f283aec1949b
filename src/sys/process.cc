#include "gbox/sys/process.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "gbox/base/json.h"
#include "gbox/base/text.h"

namespace gbox::sys {

namespace {

Fd pidfd_open(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) throw SysError(errno, "watch process " + std::to_string(pid));
  return Fd(static_cast<int>(fd));
}

std::string read_all(int fd) {
  std::string text;
  std::array<std::byte, 4096> buffer;
  while (const std::size_t count = read_full(fd, buffer, "pipe")) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (count < buffer.size()) break;
  }
  return text;
}

// Runs the child's work and turns an Error into bytes for the parent. Never returns.
[[noreturn]] void run_and_exit(const std::function<void()>& action, int error_fd) {
  Json report;
  try {
    action();
    ::_exit(0);
  } catch (const Interrupted& stop) {
    report = {{"signal", stop.signal_number()}};
  } catch (const Error& error) {
    report = {{"message", error.message()},
              {"hint", error.hint()},
              {"code", static_cast<int>(error.code())}};
  } catch (const std::exception& error) {
    report = {
        {"message", std::string("internal error: ") + error.what()}, {"hint", ""}, {"code", 1}};
  }
  try {
    write_all(error_fd, canonical_json(report), "pipe");
  } catch (const std::exception&) {
    // The parent is gone: nobody is left to tell.
  }
  ::_exit(1);
}

}  // namespace

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      error_pipe_(std::move(other.error_pipe_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    error_pipe_ = std::move(other.error_pipe_);
  }
  return *this;
}

Child::~Child() {
  end();
}

void Child::kill(int signal_number) noexcept {
  if (pidfd_) (void)::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal_number, nullptr, 0);
}

void Child::end() noexcept {
  if (pid_ < 0) return;
  kill(SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

ExitStatus Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) throw SysError(errno, "wait for a child process");
  pid_ = -1;
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

void Child::wait_or_throw() {
  const std::string report = read_all(error_pipe_.get());
  const ExitStatus status = wait();
  if (!report.empty()) {
    const Json json = parse_json(report, "a child's report");
    if (json.contains("signal")) throw Interrupted(json["signal"].get<int>());
    throw Error(json_string(json, "message", "a child's report"),
                static_cast<ExitCode>(json_size(json, "code", "a child's report")))
        .set_hint(json_string(json, "hint", "a child's report"));
  }
  if (status.signal != 0)
    throw Error("a child process was killed by signal " + std::to_string(status.signal));
  if (status.code != 0)
    throw Error("a child process ended with exit code " + std::to_string(status.code));
}

Child fork_child(const std::function<void()>& action) {
  Pipe report = pipe();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw SysError(errno, "start a process");
  if (pid == 0) {
    report.read.reset();
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);  // cannot fail for a valid signal
    if (::getppid() != parent) ::_exit(1);     // the parent died before the line above
    run_and_exit(action, report.write.get());
  }
  report.write.reset();
  return {pid, pidfd_open(pid), std::move(report.read)};
}

void run_helper(const std::vector<std::string>& argv, std::string_view deed) {
  Pipe errors = pipe();
  Pipe failure = pipe();  // the errno of a helper that could not be executed
  const Fd null = open("/dev/null", O_RDWR);
  std::vector<char*> arguments;
  for (const std::string& word : argv) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  char* const environment[] = {nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) throw SysError(errno, deed);
  if (pid == 0) {
    if (::dup2(null.get(), 0) < 0 || ::dup2(null.get(), 1) < 0 || ::dup2(errors.write.get(), 2) < 0)
      ::_exit(127);
    (void)::execve(arguments[0], arguments.data(), environment);
    const int error_number = errno;
    (void)!::write(failure.write.get(), &error_number, sizeof error_number);
    ::_exit(127);
  }
  errors.write.reset();
  failure.write.reset();
  Child child(pid, pidfd_open(pid));
  const std::string said = read_all(errors.read.get());
  const ExitStatus status = child.wait();
  if (status.code == 0) return;
  int error_number = 0;
  if (read_full(failure.read.get(), std::as_writable_bytes(std::span(&error_number, 1)), "pipe") ==
      sizeof error_number)
    throw SysError(error_number, std::string(deed) + ": execute " + quoted(argv[0]));
  if (status.signal != 0)
    throw Error(std::string(deed) + ": killed by signal " + std::to_string(status.signal));
  const std::string_view text = trim(said);
  throw Error(std::string(deed) + ": " +
              (text.empty() ? "exit " + std::to_string(status.code) : printable(text)));
}

}  // namespace gbox::sys
