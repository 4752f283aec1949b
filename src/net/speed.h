// How fast something grows, over the last few seconds: an average since the start would hide that
// a mirror has slowed down, a difference between two reads would jump.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace gbox::net {

class Speed {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  // `total` is what there is at `now`. A total that shrinks starts over.
  void note(Instant now, std::uint64_t total);
  [[nodiscard]] double bytes_per_second() const;

 private:
  struct Sample {
    Instant at;
    std::uint64_t total;
  };
  std::deque<Sample> samples_;
};

}  // namespace gbox::net
