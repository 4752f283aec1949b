// Byte blocks on their way between threads: a bounded queue in order, which hands a failure of
// either side to the other. Used by compressor.cc, archive_stream.cc and zstd_reader.cc.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace gbox::layer {

inline constexpr std::size_t kBlockSize = 1 << 20;
inline constexpr std::chrono::milliseconds kWaitingCheck{100};

// kBlockSize bytes of storage, of which the first `size` are filled. Not zeroed at birth.
struct Block {
  std::unique_ptr<std::byte[]> data;
  std::size_t size = 0;
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data.get(), size}; }
  [[nodiscard]] std::span<std::byte> space() const {
    return {data.get() + size, kBlockSize - size};
  }
};

// Blocks go round: who has read one gives it back, so that the pages are not mapped and cleared
// anew for each megabyte. For any number of threads.
class BlockPool {
 public:
  // An empty block, of those given back when there is one.
  Block fresh() {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) return {std::make_unique_for_overwrite<std::byte[]>(kBlockSize), 0};
    Block block = std::move(spare_.back());
    spare_.pop_back();
    block.size = 0;
    return block;
  }
  void give_back(Block block) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(std::move(block));
  }

 private:
  std::mutex mutex_;
  std::vector<Block> spare_;
};

// One producer, one consumer, and a pool of blocks for the two.
class BlockQueue {
 public:
  explicit BlockQueue(std::size_t capacity) : capacity_(capacity) {}

  Block fresh() { return pool_.fresh(); }
  void give_back(Block block) { pool_.give_back(std::move(block)); }

  // Waits for room. False when the other side gave up: no more is wanted.
  bool push(Block block) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cancelled_ || queue_.size() < capacity_; });
    if (cancelled_) return false;
    queue_.push_back(std::move(block));
    changed_.notify_all();
    return true;
  }
  // The producer is done; a failure is rethrown to the consumer after the blocks before it.
  void close(std::exception_ptr failure = nullptr) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    failure_ = failure;
    changed_.notify_all();
  }
  // nullopt at the end. Rethrows the producer's failure. While it has to wait, `while_waiting` is
  // called now and then; what that throws ends the waiting.
  std::optional<Block> pop(const std::function<void()>& while_waiting = {}) {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return cancelled_ || closed_ || !queue_.empty(); };
    while (!changed_.wait_for(lock, kWaitingCheck, ready))
      if (while_waiting) while_waiting();
    if (cancelled_) return std::nullopt;
    if (queue_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    Block block = std::move(queue_.front());
    queue_.pop_front();
    changed_.notify_all();
    return block;
  }
  // Both sides stop waiting; push() and pop() yield nothing from now on.
  void cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  const std::size_t capacity_;
  BlockPool pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> queue_;
  bool closed_ = false;
  bool cancelled_ = false;
  std::exception_ptr failure_;
};

}  // namespace gbox::layer
