// A limit that holds while builds run. Unlike gc.cc, this removes beside running builds: what they
// use is told by uses.h, and stays.
#include <chrono>

#include "collector.h"
#include "gbox/base/text.h"
#include "impl.h"

namespace gbox::store {

namespace {

// To measure is to walk over thousands of files: at most a fiftieth of the time goes into it, but
// whenever what was published since the last time may have reached the limit.
constexpr double kPause = 50;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void Store::set_limit(std::uint64_t bytes) {
  const std::lock_guard guard(impl_->room.mutex);
  impl_->room.limit = bytes;
}

void Store::keep(const std::vector<std::string>& paths) {
  impl_->uses.add(paths);
}

std::uint64_t Store::freed_for_limit() const {
  const std::lock_guard guard(impl_->room.mutex);
  return impl_->room.freed;
}

void Store::Impl::note_growth(std::uint64_t bytes) {
  const std::lock_guard guard(room.mutex);
  room.total += bytes;
}

void Store::keep_limit(Measure measure) {
  Room& room = impl_->room;
  const std::lock_guard guard(room.mutex);
  if (!room.limit) return;
  const double begin = steady_seconds();
  const bool grown = room.total > *room.limit && !room.stuck;
  if (measure == Measure::when_due && !grown && begin < room.next) return;
  try {
    room.total = disk_usage().total_bytes();
    if (room.total > *room.limit) {
      const sys::FileLock closed = impl_->uses.close();
      const Held held = held_by(impl_->uses.all(), records(), failed_steps());
      GcPolicy policy;
      policy.max_bytes = room.limit;
      policy.now = unix_now();
      const std::uint64_t before = room.total;
      Collector collector(*this, *impl_, policy, &held);
      collector.collect();
      while (collector.make_room()) collector.collect();
      room.total = disk_usage().total_bytes();
      room.freed += before - std::min(before, room.total);
    }
    room.stuck = room.total > *room.limit;
    if (room.stuck && !room.warned) {
      room.warned = true;
      impl_->warn("it takes " + human_size(room.total) + ", more than the limit of " +
                      human_size(*room.limit) + ", and all of that is in use",
                  "the build goes on; give it a higher limit, or build less at a time");
    }
  } catch (const Error& error) {
    // No reason to lose a build: the disk tells when it is full.
    if (!room.warned) impl_->warn("no room could be made: " + error.message(), error.hint());
    room.warned = true;
  }
  const double end = steady_seconds();
  room.next = end + kPause * (end - begin);
}

}  // namespace gbox::store
