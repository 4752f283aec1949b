// What the processes of one sandbox take while they run, and whether that is more than they may.
// By looking, about once a second, at what the kernel tells of them: a step that is quick enough
// goes past a limit for so long. What the kernel can keep exactly without cgroups (the size of a
// file, the number of processes) it is told as well.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gbox/spec/limits.h"

namespace gbox::build {

// The processes below one, itself included, as /proc tells.
struct Usage {
  std::uint64_t processes = 0;     // threads counted
  std::uint64_t memory_bytes = 0;  // their own: what no file backs and none shares
};
Usage usage_below(pid_t pid);

// A directory that a step writes to.
struct DiskPlace {
  std::string path;
  // Only what was changed at this time (CLOCK_REALTIME) or later counts: a root that is a copy is
  // full of what the step was given.
  std::int64_t changed_since_ns = INT64_MIN;
};

// Blocks that the files beneath these directories take, a file with several names once, and a place
// that lies in another one only by its own rule; what vanishes meanwhile is passed over. Stops
// early when `stop` becomes true.
std::uint64_t disk_bytes(const std::vector<DiskPlace>& places, const std::atomic<bool>& stop);

class Meter {
 public:
  struct Hit {
    std::string name;  // of the limit: "memory"
    spec::Limit limit;
    std::string reached;  // "3.1 GiB"; empty where the limit itself says it
  };

  // Of the sandbox whose first process is `pid`, which must not have been waited for.
  Meter(pid_t pid, const spec::Limits& limits, std::vector<DiskPlace> places);
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;
  ~Meter();

  // Looks when it is time to. Cheap; to be called several times a second.
  void look();
  // The first limit that was passed.
  [[nodiscard]] const std::optional<Hit>& hit() const noexcept { return hit_; }
  [[nodiscard]] std::uint64_t peak_memory_bytes() const noexcept { return peak_memory_; }

 private:
  using Clock = std::chrono::steady_clock;
  void check(const char* name, const std::optional<spec::Limit>& limit, std::uint64_t reached,
             std::string words);
  void measure_disk();

  pid_t pid_;
  spec::Limits limits_;
  std::vector<DiskPlace> places_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point looked_{};
  std::uint64_t peak_memory_ = 0;
  std::optional<Hit> hit_;
  std::atomic<std::uint64_t> disk_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;  // last; only where disk is limited
};

}  // namespace gbox::build
