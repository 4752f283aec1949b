#include "box.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "gbox/base/text.h"

namespace gbox::tests {

namespace {

std::string payload_path() {
  const char* path = std::getenv("GBOX_TEST_PAYLOAD");
  if (path == nullptr)
    throw Error("'GBOX_TEST_PAYLOAD' does not name the payload: start the tests by 'meson test'");
  return path;
}

// Not in /tmp, which is often a tmpfs: these tests are about the file system a store lies on.
std::string parent_directory() {
  const char* path = std::getenv("GBOX_TEST_DIR");
  return path == nullptr ? "/var/tmp" : path;
}

}  // namespace

void install_payload(int dirfd, const std::string& path, mode_t mode) {
  const std::string bytes = sys::read_file(payload_path());
  const sys::Fd fd = sys::openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0700);
  sys::write_all(fd.get(), bytes, path);
  if (::fchmod(fd.get(), mode) != 0) throw SysError(errno, "chmod " + quoted(path));
}

Box::Box() : dir_(parent_directory(), "gbox-test-"), payload_("/bin/payload") {
  for (const char* name : {"lower", "upper", "work"}) sys::mkdirat(dir_.fd(), name, 0755);
  lower_ = sys::openat(dir_.fd(), "lower", O_RDONLY | O_DIRECTORY);
  for (const char* name : {"bin", "etc", "tmp", "proc", "sys", "dev"})
    sys::mkdirat(lower(), name, 0755);
  install_payload(lower(), "bin/payload", 0755);
}

sys::Fd Box::mount_root() const {
  sys::Overlay overlay;
  overlay.base_fd = dir_.fd();
  overlay.lowerdirs = {"lower"};
  overlay.upperdir = "upper";
  overlay.workdir = "work";
  return sys::mount_overlay(overlay);
}

sandbox::Settings Box::settings(std::string_view deeds) const {
  sandbox::Settings settings;
  settings.root = mount_root();
  settings.command.argv = {payload_};
  for (std::string& word : split_words(deeds)) settings.command.argv.push_back(std::move(word));
  return settings;
}

Outcome Box::run(std::string_view deeds, std::string_view policy) const {
  return run(settings(deeds), policy);
}

Outcome Box::run(sandbox::Settings settings, std::string_view policy) const {
  return run(std::move(settings), sandbox::load_policy(policy));
}

Outcome Box::run(sandbox::Settings settings, const sandbox::Policy& policy) const {
  (void)sandbox::ensure_targets(settings);
  return Running(std::move(settings), policy).finish();
}

namespace {

struct Started {
  sys::Fd out;
  sys::Fd err;
  sandbox::Sandbox sandbox;
};

Started start(sandbox::Settings settings, const sandbox::Policy& policy) {
  sys::Pipe out = sys::pipe();
  sys::Pipe err = sys::pipe();
  sandbox::Sandbox sandbox = sandbox::Sandbox::start(
      std::move(settings), policy, sandbox::Pipes{-1, out.write.get(), err.write.get()});
  return {std::move(out.read), std::move(err.read), std::move(sandbox)};
}

}  // namespace

Running::Running(sandbox::Settings settings, std::string_view policy)
    : Running(std::move(settings), sandbox::load_policy(policy)) {}

Running::Running(sandbox::Settings settings, const sandbox::Policy& policy)
    : sandbox_([&]() -> sandbox::Sandbox {
        Started started = start(std::move(settings), policy);
        out_ = std::move(started.out);
        err_ = std::move(started.err);
        return std::move(started.sandbox);
      }()) {}

bool Running::read_some(int timeout_ms) {
  std::array<pollfd, 2> ends = {
      {{out_ ? out_.get() : -1, POLLIN, 0}, {err_ ? err_.get() : -1, POLLIN, 0}}};
  if (::poll(ends.data(), ends.size(), timeout_ms) <= 0)
    throw Error("a sandbox did not end in time; it said: " + outcome_.out + outcome_.err);
  const auto take = [](sys::Fd& fd, const pollfd& end, std::string& text) {
    if (end.revents == 0) return;
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count > 0)
      text.append(buffer.data(), static_cast<std::size_t>(count));
    else
      fd.reset();
  };
  take(out_, ends[0], outcome_.out);
  take(err_, ends[1], outcome_.err);
  return out_ || err_;
}

void Running::await(std::string_view text) {
  while (outcome_.out.find(text) == std::string::npos)
    if (!read_some(kPatienceMs)) throw Error("a sandbox ended; it said: " + outcome_.err);
}

Outcome Running::finish() {
  while (read_some(kPatienceMs)) {
  }
  outcome_.code = sandbox_.wait().code;
  return outcome_;
}

bool ends_in_time(int fd) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  std::array<char, 4096> buffer;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd end = {fd, POLLIN, 0};
    if (::poll(&end, 1, 100) <= 0) continue;
    if (::read(fd, buffer.data(), buffer.size()) == 0) return true;
  }
  return false;
}

std::vector<std::string> processes_with_argument(const std::string& word) {
  const sys::Fd proc = sys::open("/proc", O_RDONLY | O_DIRECTORY);
  std::vector<std::string> found;
  for (const std::string& pid : sys::list_directory(proc.get(), "/proc")) {
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    try {
      const std::string line = sys::try_read_file(proc.get(), pid + "/cmdline").value_or("");
      for (const std::string& argument : split(line, '\0'))
        if (argument == word) found.push_back(pid);
    } catch (const Error&) {
      // It has ended between the two looks.
    }
  }
  return found;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.hint().empty() ? error.message() : error.message() + " | " + error.hint();
  }
  return {};
}

}  // namespace gbox::tests
