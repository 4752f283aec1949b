#include "meter.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>

#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/file.h"

namespace gbox::build {

namespace {

constexpr std::chrono::milliseconds kPause{700};
constexpr std::chrono::milliseconds kDiskPause{1000};
constexpr int kDiskShare = 10;  // of the time: measuring must not slow the step down
constexpr std::size_t kMaxProcesses = 1u << 16;
constexpr int kMaxDiskDepth = 256;          // of directories; what is below counts as nothing
constexpr std::uint64_t kBlockBytes = 512;  // the unit of st_blocks

// Text of a file of /proc; empty when its process is gone.
std::string read_proc(const std::string& path) {
  std::string text(4096, '\0');
  const sys::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

struct CloseDirectory {
  void operator()(DIR* stream) const noexcept { (void)::closedir(stream); }  // was only read
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

std::vector<std::string> threads_of(const std::string& process) {
  std::vector<std::string> threads;
  const Directory directory(::opendir((process + "/task").c_str()));
  if (!directory) return threads;
  while (const dirent* entry = ::readdir(directory.get()))
    if (entry->d_name[0] != '.') threads.emplace_back(entry->d_name);
  return threads;
}

class DiskWalk {
 public:
  DiskWalk(const std::vector<DiskPlace>& places, const std::atomic<bool>& stop) : stop_(stop) {
    for (const DiskPlace& place : places) {
      struct stat status {};
      if (::lstat(place.path.c_str(), &status) == 0) tops_.insert({status.st_dev, status.st_ino});
    }
    for (const DiskPlace& place : places) {
      since_ns_ = place.changed_since_ns;
      add(AT_FDCWD, place.path.c_str(), 0);
    }
  }

  std::uint64_t bytes = 0;

 private:
  void add(int dirfd, const char* name, int depth) {
    sys::Fd fd(::openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || depth > kMaxDiskDepth) return;
    DIR* const stream = ::fdopendir(fd.get());
    if (stream == nullptr) return;
    (void)fd.release();  // the stream's from here on
    const Directory directory(stream);
    while (const dirent* entry = ::readdir(stream)) {
      if (stop_) return;
      const std::string_view child = entry->d_name;
      if (child == "." || child == "..") continue;
      struct stat status {};
      if (::fstatat(::dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      const std::pair inode{status.st_dev, status.st_ino};
      const bool is_directory = S_ISDIR(status.st_mode);
      if (is_directory && tops_.contains(inode)) continue;
      if (changed_ns(status) >= since_ns_ &&
          (is_directory || status.st_nlink == 1 || seen_.insert(inode).second))
        bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
      if (is_directory) add(::dirfd(stream), entry->d_name, depth + 1);
    }
  }

  static std::int64_t changed_ns(const struct stat& status) {
    return std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec;
  }

  const std::atomic<bool>& stop_;
  std::int64_t since_ns_ = INT64_MIN;
  std::set<std::pair<dev_t, ino_t>> tops_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

Usage usage_below(pid_t pid) {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  Usage usage;
  std::vector<std::string> todo = {std::to_string(pid)};
  // Orphans are children of a PID 1 of the sandbox, so that all of it is below.
  for (std::size_t i = 0; i < todo.size() && i < kMaxProcesses; ++i) {
    const std::string process = "/proc/" + todo[i];
    for (const std::string& thread : threads_of(process)) {
      ++usage.processes;
      for (std::string& child : split_words(read_proc(process + "/task/" + thread + "/children")))
        todo.push_back(std::move(child));
    }
    // size, resident, shared, … in pages.
    const std::vector<std::string> words = split_words(read_proc(process + "/statm"));
    if (words.size() < 3) continue;
    const std::uint64_t resident = std::strtoull(words[1].c_str(), nullptr, 10);
    const std::uint64_t shared = std::strtoull(words[2].c_str(), nullptr, 10);
    if (resident > shared) usage.memory_bytes += (resident - shared) * page;
  }
  return usage;
}

std::uint64_t disk_bytes(const std::vector<DiskPlace>& places, const std::atomic<bool>& stop) {
  return DiskWalk(places, stop).bytes;
}

Meter::Meter(pid_t pid, const spec::Limits& limits, std::vector<DiskPlace> places)
    : pid_(pid), limits_(limits), places_(std::move(places)) {
  if (!limits_.disk) return;
  sigset_t all, before;
  (void)::sigfillset(&all);  // signals are for the threads that wait for them
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { measure_disk(); });
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Meter::~Meter() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Meter::measure_disk() {
  while (!stop_) {
    const Clock::time_point begin = Clock::now();
    const std::uint64_t bytes = disk_bytes(places_, stop_);
    if (!stop_) disk_ = bytes;
    const auto took = Clock::now() - begin;
    const auto until = Clock::now() + std::max<Clock::duration>(kDiskPause, kDiskShare * took);
    while (!stop_ && Clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void Meter::check(const char* name, const std::optional<spec::Limit>& limit, std::uint64_t reached,
                  std::string words) {
  if (!hit_ && limit && reached > limit->value) hit_ = Hit{name, *limit, std::move(words)};
}

void Meter::look() {
  const Clock::time_point now = Clock::now();
  if (limits_.time && now - start_ >= std::chrono::seconds(limits_.time->value))
    check("time", limits_.time, limits_.time->value + 1, "");
  // Processes come by hundreds in a moment, and whoever cannot fork may give up at once.
  if (!limits_.processes && now - looked_ < kPause) return;
  const Usage usage = usage_below(pid_);
  looked_ = Clock::now();
  peak_memory_ = std::max(peak_memory_, usage.memory_bytes);
  check("memory", limits_.memory, usage.memory_bytes, human_size(usage.memory_bytes));
  // What waits for the kernel to let it fork has reached the limit without passing it.
  check("processes", limits_.processes, usage.processes + 1, std::to_string(usage.processes));
  const std::uint64_t disk = disk_;
  check("disk", limits_.disk, disk, human_size(disk));
}

}  // namespace gbox::build
