// Workers turn blocks into gzip members, whichever is next; one thread writes them in order. See
// compressor.h for why members.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "blob_file.h"
#include "compressor.h"

namespace gbox::layer {

class GzipPool final : public BlobWriter {
 public:
  GzipPool(const CodecOptions& options, int blob_fd);
  GzipPool(const GzipPool&) = delete;
  GzipPool& operator=(const GzipPool&) = delete;
  ~GzipPool() override;

 private:
  enum class State { waiting, taken, done };
  struct Job {
    Block in;
    std::vector<std::byte> out;
    State state = State::waiting;
  };

  Block exchange(Block full) override;
  void end(BlobTotals& totals) override;
  void work();
  void write_in_order();
  void fail(std::exception_ptr failure);
  void join();

  int level_;
  std::size_t capacity_;  // jobs in flight at most: bounds the memory
  BlobFile file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // in order; a deque keeps the others where they are
  std::vector<Block> spare_;
  bool closed_ = false;   // no more blocks will come
  bool stopped_ = false;  // failed or abandoned
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

}  // namespace gbox::layer
