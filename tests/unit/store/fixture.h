// A store in a temporary directory, steps that take no sandbox, and processes that die.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/store/store.h"
#include "gbox/sys/file.h"

namespace gbox::store::test {

inline constexpr const char* kMap = "0+1→1000, 1+65535→100000";

class Warnings : public WarningSink {
 public:
  void warn(const Warning& warning) override { messages.push_back(warning.message); }
  std::vector<std::string> messages;
};

// Purpose::inspect, because the machine that runs the tests may keep /tmp on anything.
struct Fixture {
  sys::TempDir dir{"/tmp", "gbox-test-"};
  Warnings warnings;
  Store store = open();

  [[nodiscard]] std::string path() const { return dir.path() + "/store"; }
  Store open() { return Store::open(path(), kMap, warnings, Purpose::inspect); }
  [[nodiscard]] std::vector<std::string> names(const std::string& directory) const {
    const sys::Fd fd = sys::open(path() + '/' + directory, O_RDONLY | O_DIRECTORY);
    return sys::list_directory(fd.get(), directory);
  }
  [[nodiscard]] bool exists(const std::string& relative) const {
    return sys::try_fstatat(AT_FDCWD, path() + '/' + relative, AT_SYMLINK_NOFOLLOW).has_value();
  }
};

inline constexpr std::int64_t kDay = 24 * 3600;

// What gc goes by.
inline void set_used(const std::string& path, std::int64_t seconds) {
  const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

inline void set_used(const Fixture& f, const Record& record, std::int64_t seconds) {
  set_used(f.path() + "/records/" + record.key + ".json", seconds);
}

inline Digest put_blob(Store& store, std::string_view text) {
  BlobWriter writer = store.new_blob();
  sys::write_all(writer.fd(), text, "blob");
  writer.commit(sha256(text));
  return sha256(text);
}

inline std::string key_of(std::string_view what) {
  return sha256(what).hex();
}

inline Record record_of(std::string_view step, std::vector<std::string> parents = {},
                        std::string_view key = {}) {
  Record record;
  record.key = key_of(key.empty() ? step : key);
  record.spec = "demo";
  record.step = step;
  record.phase = step;
  record.kind = "phase";
  record.parts = Json::array({Json::array({"run", std::string(step)})});
  record.parents = std::move(parents);
  record.seconds = 1.5;
  return record;
}

// A finished step that wrote one file.
inline Record run_step(Store& store, std::string_view step, std::vector<std::string> parents = {},
                       std::string_view key = {}) {
  Work work = store.begin_step(step, parents.empty() ? std::string() : parents.back());
  sys::write_file_atomically(work.fs_fd(), "made-by", step, 0644, sys::Durable::no);
  return store.publish(std::move(work), record_of(step, std::move(parents), key));
}

// Runs `action` in a process of its own; returns its exit status, or 128 + signal. Nothing unwinds
// when the action calls _exit or kills itself: this is what kill -9 leaves.
inline int in_process(const std::function<void()>& action) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    try {
      action();
    } catch (...) {
      ::_exit(99);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

[[noreturn]] inline void die() {
  (void)::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

// A process that does `action` and then sits there until it is killed.
class Sitter {
 public:
  explicit Sitter(const std::function<void(const std::function<void()>& sit)>& action) {
    sys::Pipe ready = sys::pipe();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      try {
        action([&] {
          sys::write_all(ready.write.get(), "x", "pipe");
          for (;;) ::pause();
        });
      } catch (...) {
      }
      ::_exit(99);
    }
    ready.write.reset();
    std::byte buffer[1];
    REQUIRE(sys::read_full(ready.read.get(), buffer, "pipe") == 1);
  }
  ~Sitter() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

}  // namespace gbox::store::test
