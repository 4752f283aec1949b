#include "gbox/sys/lock.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include "gbox/sys/file.h"

using namespace gbox;
using namespace gbox::sys;

namespace {

// A process that holds a lock until told to stop.
class Holder {
 public:
  Holder(const std::string& directory, const std::string& path, LockMode mode) {
    Pipe ready = pipe();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      try {
        const Fd dir = open(directory, O_RDONLY | O_DIRECTORY);
        const FileLock lock = FileLock::lock(dir.get(), path, mode, "gbox build");
        write_all(ready.write.get(), "x", "pipe");
        for (;;) ::pause();
      } catch (...) {
        ::_exit(9);
      }
    }
    ready.write.reset();
    std::byte buffer[1];
    REQUIRE(read_full(ready.read.get(), buffer, "pipe") == 1);
  }
  ~Holder() { kill(); }
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

LockWait quick(std::vector<std::string>& words) {
  LockWait wait;
  wait.first = std::chrono::milliseconds(20);
  wait.again = std::chrono::milliseconds(30);
  wait.on_wait = [&words](const LockHolder& holder) { words.push_back(describe(holder)); };
  return wait;
}

}  // namespace

TEST_CASE("an exclusive lock keeps another process out until its holder is killed") {
  const TempDir dir("/tmp", "gbox-test-");
  Holder holder(dir.path(), "l", LockMode::exclusive);
  CHECK_FALSE(FileLock::try_lock(dir.fd(), "l", LockMode::exclusive, "t"));
  CHECK_FALSE(FileLock::try_lock(dir.fd(), "l", LockMode::shared, "t"));
  holder.kill();
  CHECK(FileLock::try_lock(dir.fd(), "l", LockMode::exclusive, "t"));
}

TEST_CASE("shared locks go together and keep an exclusive one out") {
  const TempDir dir("/tmp", "gbox-test-");
  const Holder holder(dir.path(), "l", LockMode::shared);
  CHECK(FileLock::try_lock(dir.fd(), "l", LockMode::shared, "t"));
  CHECK_FALSE(FileLock::try_lock(dir.fd(), "l", LockMode::exclusive, "t"));
}

TEST_CASE("whoever waits is told who holds the lock, again and again, and then gets it") {
  const TempDir dir("/tmp", "gbox-test-");
  Holder holder(dir.path(), "l", LockMode::exclusive);
  std::vector<std::string> words;
  unsigned ticks = 0;
  LockWait wait = quick(words);
  wait.on_tick = [&] {
    ++ticks;
    if (words.size() >= 2) holder.kill();
  };
  const pid_t pid = holder.pid();
  const FileLock lock = FileLock::lock(dir.fd(), "l", LockMode::exclusive, "gbox gc", wait);
  CHECK(lock.held());
  REQUIRE(words.size() >= 2);
  CHECK(words[0].starts_with("'gbox build' (pid " + std::to_string(pid) + ", "));
  CHECK(words[0].find(", since ") != std::string::npos);
  CHECK(ticks > words.size());
  CHECK(read_holder(dir.fd(), "l").doing == "gbox gc");
}

TEST_CASE("a free lock is taken without a word") {
  const TempDir dir("/tmp", "gbox-test-");
  std::vector<std::string> words;
  CHECK(FileLock::lock(dir.fd(), "l", LockMode::exclusive, "t", quick(words)).held());
  CHECK(words.empty());
}

TEST_CASE("a wait can be given up from its callback") {
  const TempDir dir("/tmp", "gbox-test-");
  const Holder holder(dir.path(), "l", LockMode::exclusive);
  LockWait wait;
  wait.on_tick = [] { throw Interrupted(SIGINT); };
  CHECK_THROWS_AS(FileLock::lock(dir.fd(), "l", LockMode::exclusive, "t", wait), Interrupted);
}

TEST_CASE("a released lock leaves no note that would blame its former holder") {
  const TempDir dir("/tmp", "gbox-test-");
  FileLock lock = FileLock::lock(dir.fd(), "l", LockMode::exclusive, "gbox build");
  CHECK(read_holder(dir.fd(), "l").pid == ::getpid());
  FileLock moved = std::move(lock);
  CHECK_FALSE(lock.held());
  moved.reset();
  CHECK(read_holder(dir.fd(), "l").pid == 0);
  CHECK(describe(read_holder(dir.fd(), "l")) == "another process");
}

TEST_CASE("a lock whose file was removed and made anew is not held by two") {
  const TempDir dir("/tmp", "gbox-test-");
  auto first = FileLock::try_lock(dir.fd(), "l", LockMode::exclusive, "t");
  REQUIRE(first);
  // Waits on the first file, which then loses its name to a second holder's.
  std::optional<FileLock> second;
  unsigned ticks = 0;
  LockWait wait;
  wait.on_tick = [&] {
    if (++ticks != 3) return;
    unlinkat(dir.fd(), "l", 0);
    second = FileLock::try_lock(dir.fd(), "l", LockMode::exclusive, "second");
    CHECK(second);
    first.reset();
  };
  wait.on_wait = [&](const LockHolder& holder) {
    CHECK(holder.doing == "second");
    second.reset();
  };
  wait.first = std::chrono::milliseconds(60);
  const FileLock third = FileLock::lock(dir.fd(), "l", LockMode::exclusive, "third", wait);
  CHECK(third.held());
  CHECK(ticks >= 3);
}

TEST_CASE("a hostile note cannot forge a line or a holder") {
  const TempDir dir("/tmp", "gbox-test-");
  write_file_atomically(dir.fd(), "l", "pid 12x\nsince 99999999999999999999\ndoing \x1b[2Jgbox\n");
  const LockHolder holder = read_holder(dir.fd(), "l");
  CHECK(holder.pid == 0);
  CHECK(holder.since == 0);
  CHECK(describe(holder).find('\x1b') == std::string::npos);
  write_file_atomically(dir.fd(), "l", std::string(100000, 'x'));
  CHECK(describe(read_holder(dir.fd(), "l")) == "another process");
}

TEST_CASE("a directory's own lock follows it through a rename") {
  const TempDir dir("/tmp", "gbox-test-");
  mkdirat(dir.fd(), "a", 0700);
  auto lock = FileLock::try_lock_directory(dir.fd(), "a");
  REQUIRE(lock);
  renameat(dir.fd(), "a", dir.fd(), "b");
  CHECK_FALSE(FileLock::try_lock_directory(dir.fd(), "b"));
  lock.reset();
  CHECK(FileLock::try_lock_directory(dir.fd(), "b"));
  CHECK_FALSE(FileLock::try_lock_directory(dir.fd(), "a"));
}

TEST_CASE("a lock file is never opened through a symbolic link") {
  const TempDir dir("/tmp", "gbox-test-");
  symlinkat("target", dir.fd(), "l");
  CHECK_THROWS_AS(FileLock::try_lock(dir.fd(), "l", LockMode::exclusive, "t"), SysError);
  CHECK_FALSE(try_fstatat(dir.fd(), "target", 0));
}
