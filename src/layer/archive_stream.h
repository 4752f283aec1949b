// The stored bytes of an archive become the bytes of its tar, on threads of its own: reading,
// decompressing (gzip_reader.h, xz_reader.h, zstd_reader.h; libarchive's bzip2 filter, never an
// external program), the digests of both sides and the guard against compression bombs. Used by
// unpack.cc.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "blocks.h"
#include "gbox/base/digest.h"
#include "gbox/layer/unpack.h"

namespace gbox::layer {

class ArchiveStream {
 public:
  // `archive_fd` and `options` are borrowed. The thread starts at once.
  ArchiveStream(int archive_fd, const UnpackOptions& options);
  ArchiveStream(const ArchiveStream&) = delete;
  ArchiveStream& operator=(const ArchiveStream&) = delete;
  ~ArchiveStream();  // stops the thread, also when the input is a pipe that stalls

  // The next piece of the tar; nullopt at its end. Rethrows what the thread met. The input may
  // stall: the caller's check for interrupts is called while waiting for it.
  std::optional<Block> next() { return queue_.pop(options_.check_interrupt); }
  void give_back(Block block) { queue_.give_back(std::move(block)); }

  [[nodiscard]] std::uint64_t stored_bytes() const { return stored_bytes_; }
  [[nodiscard]] std::uint64_t tar_bytes() const { return tar_bytes_; }

  // Valid once next() returned nullopt. Each may be called once.
  Digest diff_id() { return tar_hasher_.finish(); }
  std::vector<Digest> stored_digests();

 private:
  void run();
  void decompress();
  void decompress_by_libarchive();
  void pass_on(std::span<const std::byte> bytes);  // copies
  void deliver(Block block);                       // the next bytes of the tar, as a whole
  void check_stopped() const;
  void check_ratio() const;
  std::size_t read_some(std::span<std::byte> into);  // 0 at the end of the file
  // The next stored bytes; none at the end of the file. Valid until the next call.
  std::span<const std::byte> read_stored();
  void read_head();  // enough to recognize the compression, kept for the first read_stored()

  int fd_;
  const UnpackOptions& options_;
  std::vector<Hasher> stored_hashers_;
  Hasher tar_hasher_;
  std::atomic<std::uint64_t> stored_bytes_{0};
  std::atomic<std::uint64_t> tar_bytes_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::byte> stored_;
  std::size_t head_size_ = 0;
  std::exception_ptr read_failure_;  // carried past libarchive, which is C
  Block block_;
  BlockQueue queue_;
  std::thread thread_;

  friend struct StoredReader;
};

}  // namespace gbox::layer
