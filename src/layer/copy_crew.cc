#include "copy_crew.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::layer {

namespace {

constexpr unsigned kMostThreads = 8;
// Bounds the open directories as well.
constexpr std::size_t kMostWaiting = 64;

}  // namespace

CopyCrew::CopyCrew(OverlayNames names) : names_(names) {
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads);
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

CopyCrew::~CopyCrew() {
  {
    const std::lock_guard lock(mutex_);
    jobs_.clear();
  }
  end();
}

void CopyCrew::add(std::shared_ptr<const CopyPlace> place, std::string name,
                   const struct stat& status) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return jobs_.size() < kMostWaiting || failure_; });
  if (failure_) std::rethrow_exception(failure_);
  jobs_.push_back({std::move(place), std::move(name), status});
  changed_.notify_all();
}

void CopyCrew::finish() {
  end();
  if (failure_) std::rethrow_exception(failure_);
}

void CopyCrew::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void CopyCrew::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !jobs_.empty() || ended_; });
    if (jobs_.empty() || failure_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    changed_.notify_all();
    lock.unlock();
    std::exception_ptr failure;
    try {
      copy_regular(job.place->from.get(), job.name, job.status, job.place->to.get(), names_);
    } catch (Error& error) {
      error.add_context(quoted(job.name));
      failure = std::current_exception();
    } catch (...) {
      failure = std::current_exception();
    }
    job.place.reset();
    lock.lock();
    if (failure && !failure_) failure_ = failure;
  }
}

}  // namespace gbox::layer
