#include "gzip_pool.h"

#include <libdeflate.h>

#include <algorithm>

#include "gbox/base/error.h"

namespace gbox::layer {

namespace {

struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};

}  // namespace

GzipPool::GzipPool(const CodecOptions& options, int blob_fd)
    : level_(options.level),
      capacity_(2 * std::max(1u, options.threads) + 2),
      file_(blob_fd, HashBlob::yes) {
  try {
    for (unsigned i = 0; i < std::max(1u, options.threads); ++i)
      threads_.emplace_back([this] { work(); });
    threads_.emplace_back([this] { write_in_order(); });
  } catch (...) {  // a thread could not be started: the others must not outlive us
    fail(std::current_exception());
    join();
    throw;
  }
}

GzipPool::~GzipPool() {
  fail(nullptr);
  join();
}

void GzipPool::fail(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = failure;
  stopped_ = true;
  changed_.notify_all();
}

void GzipPool::join() {
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void GzipPool::work() {
  try {
    const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
        libdeflate_alloc_compressor(level_));
    if (!compressor) throw std::bad_alloc();
    const std::size_t bound = libdeflate_gzip_compress_bound(compressor.get(), kBlockSize);
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto waiting = [&] {
        return std::find_if(jobs_.begin(), jobs_.end(),
                            [](const Job& job) { return job.state == State::waiting; });
      };
      changed_.wait(lock, [&] { return stopped_ || closed_ || waiting() != jobs_.end(); });
      if (stopped_ || waiting() == jobs_.end()) return;
      Job& job = *waiting();
      job.state = State::taken;
      lock.unlock();
      job.out.resize(bound);
      // The header libdeflate writes has no time and no name: the same bytes each time.
      const std::size_t size = libdeflate_gzip_compress(
          compressor.get(), job.in.data.get(), job.in.size, job.out.data(), job.out.size());
      if (size == 0) throw Error("internal error: libdeflate did not compress a block");
      job.out.resize(size);
      lock.lock();
      job.state = State::done;
      changed_.notify_all();
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

void GzipPool::write_in_order() {
  try {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] {
        return stopped_ || (jobs_.empty() ? closed_ : jobs_.front().state == State::done);
      });
      if (stopped_ || jobs_.empty()) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      spare_.push_back(std::move(job.in));
      changed_.notify_all();
      lock.unlock();
      file_.write(job.out);
      lock.lock();
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

Block GzipPool::exchange(Block full) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopped_ || jobs_.size() < capacity_; });
  if (stopped_) {
    lock.unlock();
    join();
    std::rethrow_exception(failure_);
  }
  jobs_.push_back({std::move(full), {}, State::waiting});
  changed_.notify_all();
  if (spare_.empty()) return {std::make_unique_for_overwrite<std::byte[]>(kBlockSize), 0};
  Block block = std::move(spare_.back());
  spare_.pop_back();
  block.size = 0;
  return block;
}

void GzipPool::end(BlobTotals& totals) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  join();
  if (failure_) std::rethrow_exception(failure_);
  totals.blob_size = file_.size();
  totals.blob_digest = file_.digest();
}

}  // namespace gbox::layer
