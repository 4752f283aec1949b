// Decompresses zstd on several threads: frames that follow one another (pzstd, the seekable format,
// several files in a row) are decoded side by side, and a single frame on a thread beside the one
// that reads and the one that extracts. Used by archive_stream.cc.
//
//   splitter: reads, hashes, cuts at frame ends → jobs → workers: decode → the caller, in order
//
// Every queue is bounded, so memory is: threads × (kJobInput + kJobOutput blocks + a window).
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "decoding.h"

namespace gbox::layer {

// The largest window that is decoded, 'zstd --long' without a number.
inline constexpr int kZstdWindowLog = 27;
// More threads than this only wait for the one that writes files.
inline constexpr unsigned kMaxZstdWorkers = 8;

class ZstdReader {
 public:
  // `decoding` is borrowed.
  explicit ZstdReader(const Decoding& decoding) : decoding_(decoding) {}
  ZstdReader(const ZstdReader&) = delete;
  ZstdReader& operator=(const ZstdReader&) = delete;
  ~ZstdReader();  // stops and joins all threads

  // Decodes everything, to the end of the input. Throws Error (input): damage, missing end,
  // other bytes behind the last frame, a window that is too large. Once.
  void run();

 private:
  struct Job;  // some whole frames
  void split();
  void feed(std::span<const std::byte> bytes);
  void end_job();
  bool open_job();
  void work();
  void end_splitting(std::exception_ptr failure) noexcept;
  std::shared_ptr<Job> claim();
  std::shared_ptr<Job> first_job();
  void stop() noexcept;

  const Decoding& decoding_;
  BlockPool input_;
  // The splitter's:
  std::shared_ptr<Job> filling_;
  Block block_;
  std::size_t job_bytes_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> jobs_;  // in order; the first is the one being taken
  std::size_t unclaimed_ = 0;              // of jobs_, at its end
  unsigned idle_ = 0;
  bool ended_ = false;
  bool stopping_ = false;
  std::exception_ptr failure_;  // the splitter's

  std::vector<std::thread> workers_;  // grown by the splitter, joined after it
  std::thread splitter_;
};

}  // namespace gbox::layer
