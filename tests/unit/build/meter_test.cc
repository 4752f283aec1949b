#include "meter.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "gbox/sys/file.h"
#include "no_room.h"

using namespace gbox;
using namespace gbox::build;

namespace {

// A process that has done something and waits; ended with its owner.
class Waiting {
 public:
  explicit Waiting(const std::function<void()>& deed) {
    sys::Pipe ready = sys::pipe();
    pid_ = ::fork();
    if (pid_ == 0) {
      (void)::setpgid(0, 0);
      deed();
      (void)!::write(ready.write.get(), "1", 1);
      for (;;) ::pause();
    }
    char byte = 0;
    REQUIRE(::read(ready.read.get(), &byte, 1) == 1);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    (void)::kill(-pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

void take(std::size_t bytes) {
  if (bytes == 0) return;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) ::_exit(1);
}

spec::Limits limit(const char* name, const char* value) {
  spec::Limits limits;
  spec::set_limit(limits, name, value, {"s", 1, 2});
  return limits;
}

// Looks until a limit is hit, or for so long.
std::optional<Meter::Hit> hit_of(Meter& meter, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < end && !meter.hit()) {
    meter.look();
    ::usleep(10000);
  }
  return meter.hit();
}

constexpr std::size_t kMiB = 1u << 20;

}  // namespace

TEST_CASE("what the processes below one take is counted, children's children included") {
  // Three processes, of which each takes so many times 16 MiB.
  const auto family = [](std::size_t parts) {
    return usage_below(Waiting([parts] {
                         take(2 * parts * 16 * kMiB);
                         if (::fork() == 0) {
                           take(parts * 16 * kMiB);
                           if (::fork() != 0)
                             for (;;) ::pause();
                           take(parts * 16 * kMiB);
                           for (;;) ::pause();
                         }
                         ::usleep(300000);
                       }).pid());
  };
  const Usage idle = family(0);  // the test itself takes much under a sanitizer
  const Usage usage = family(1);
  CHECK(usage.processes == 3);
  CHECK(usage.memory_bytes >= 64 * kMiB);
  // What was inherited is counted again in each child.
  CHECK(usage.memory_bytes < idle.memory_bytes + 256 * kMiB);
}

TEST_CASE("a process that is gone takes nothing") {
  const Usage usage = usage_below(0x3fffff0);
  CHECK(usage.processes == 0);
  CHECK(usage.memory_bytes == 0);
}

TEST_CASE("a meter tells which limit was passed, and what was reached; the peak stays known") {
  const Waiting one([] { take(64 * kMiB); });
  {
    Meter meter(one.pid(), limit("memory", "32M"), {});
    const auto hit = hit_of(meter, std::chrono::seconds(5));
    REQUIRE(hit);
    CHECK(hit->name == "memory");
    CHECK(hit->limit.shown == "32M");
    CHECK(to_string(hit->limit.where) == "s:1:2");
    CHECK(hit->reached.find("MiB") != std::string::npos);
    CHECK(meter.peak_memory_bytes() >= 64 * kMiB);
  }
  {
    Meter meter(one.pid(), limit("time", "1s"), {});
    CHECK_FALSE(hit_of(meter, std::chrono::milliseconds(500)));
    REQUIRE(hit_of(meter, std::chrono::seconds(5)));
    CHECK(meter.hit()->name == "time");
    CHECK(meter.hit()->reached.empty());
  }
  {
    Meter meter(one.pid(), limit("processes", "1"), {});
    REQUIRE(hit_of(meter, std::chrono::seconds(5)));
    CHECK(meter.hit()->name == "processes");
  }
  Meter none(one.pid(), limit("memory", "1G"), {});
  CHECK_FALSE(hit_of(none, std::chrono::seconds(1)));
  CHECK(none.peak_memory_bytes() >= 64 * kMiB);
}

TEST_CASE("disk is what files take, a hard link once, and no link is followed") {
  const sys::TempDir dir("/tmp", "gbox-meter-");
  sys::mkdirat(dir.fd(), "a", 0755);
  sys::mkdirat(dir.fd(), "b", 0755);
  const std::string bytes(2 * kMiB, 'x');
  sys::write_file_atomically(dir.fd(), "a/big", bytes, 0644);
  sys::linkat(dir.fd(), "a/big", dir.fd(), "b/same");
  sys::symlinkat("/", dir.fd(), "b/root");
  const std::atomic<bool> go{false};
  const std::uint64_t size =
      disk_bytes({{dir.path() + "/a"}, {dir.path() + "/b"}, {"/nowhere"}}, go);
  CHECK(size >= 2 * kMiB);
  CHECK(size < 3 * kMiB);
  // A directory in another one, of which only what is newer counts.
  const struct stat status = sys::fstatat(dir.fd(), "a/big", 0);
  const std::int64_t changed_ns =
      std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec;
  sys::unlinkat(dir.fd(), "b/same", 0);
  const auto since = [&](std::int64_t ns) {
    return disk_bytes({{dir.path()}, {dir.path() + "/a", ns}}, go);
  };
  CHECK(since(INT64_MIN) >= 2 * kMiB);
  CHECK(since(INT64_MIN) < 3 * kMiB);
  CHECK(since(changed_ns + 3'600'000'000'000) < kMiB);
  Meter meter(::getpid(), limit("disk", "1M"), {{dir.path()}});
  REQUIRE(hit_of(meter, std::chrono::seconds(10)));
  CHECK(meter.hit()->name == "disk");
}

TEST_CASE("want of room is told by what is full: quota, space, inodes, or a tmpfs") {
  struct statvfs status {};
  status.f_frsize = 4096;
  status.f_bavail = 1u << 22;
  status.f_files = 1u << 20;
  status.f_favail = 1u << 19;
  spec::BuildOptions options;
  const auto message = [&](Lack lack) {
    const auto found = no_room_for(lack, status, "/store", options);
    return found ? found->message : "";
  };
  CHECK(message(Lack::nothing).empty());
  CHECK(message(Lack::quota) == "the disk quota where the store lies ('/store') is used up");
  CHECK(message(Lack::space) ==
        "no space was left for what it wrote; the store's file system has 16.0 GiB now");
  options.tmpfs_bytes = 8 * kMiB;
  CHECK(message(Lack::space).ends_with("it was the build directory, a tmpfs of 8.0 MiB"));
  status.f_favail = 12;
  CHECK(message(Lack::space) ==
        "the file system of the store ('/store') has 12 free inodes left, of 16.0 GiB free space");
  status.f_files = status.f_favail = 0;  // as btrfs says it
  status.f_bavail = 256;
  CHECK(message(Lack::space) ==
        "the file system of the store ('/store') is full, 1.0 MiB are left");
  CHECK(lack_of_room_in("cp: error writing 'x': No space left on device\n") == Lack::space);
  CHECK(lack_of_room_in("cp: x: Disk quota exceeded") == Lack::quota);
  CHECK(lack_of_room_in("fine") == Lack::nothing);
  CHECK(says_file_too_large_in("dd: error writing '/big': File too large"));
  CHECK(says_not_permitted_in("mount: Operation not permitted"));
  CHECK_FALSE(says_not_permitted_in("mount: permission denied"));
}
