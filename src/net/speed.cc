#include "speed.h"

namespace gbox::net {

namespace {

constexpr std::chrono::seconds kWindow{5};

}  // namespace

void Speed::note(Instant now, std::uint64_t total) {
  if (!samples_.empty() && total < samples_.back().total) samples_.clear();
  samples_.push_back({now, total});
  // One sample beyond the window stays, or a slow transfer would have none to compare with.
  while (samples_.size() > 2 && now - samples_[1].at >= kWindow) samples_.pop_front();
}

double Speed::bytes_per_second() const {
  if (samples_.size() < 2) return 0;
  const std::chrono::duration<double> time = samples_.back().at - samples_.front().at;
  const auto grown = static_cast<double>(samples_.back().total - samples_.front().total);
  return time.count() > 0 ? grown / time.count() : 0;
}

}  // namespace gbox::net
