// The tar's bytes go in, the compressed blob comes out on a descriptor, with the digests of both.
// Compressing and writing happen on threads of their own, so that walking the tree overlaps with
// them. The bytes do not depend on the number of threads. Used by pack.cc.
//
// gzip: independent members of kBlockSize input bytes each, which RFC 1952 allows and umoci,
// skopeo, podman and gzip read; it costs a per mille in size and makes any number of threads
// possible. libdeflate, because zlib takes three times as long for the same size.
// Level 5: of a 622 MB tree, level 1 made 213.5 MB in 4.1 s of processor time, 3 202.1 in 6.5,
// 5 196.1 in 7.9, 6 194.6 in 10.2; zstd at level 3 180.6 in 4.5.
// zstd: one frame by the library's own workers. At least one worker always: the bytes differ from
// the single-threaded mode, but not between one worker and eight.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "blocks.h"
#include "gbox/base/digest.h"
#include "gbox/layer/pack.h"

namespace gbox::layer {

struct BlobTotals {
  Digest diff_id;
  Digest blob_digest;
  std::uint64_t blob_size = 0;
  std::uint64_t uncompressed_size = 0;
};

struct CodecOptions {
  Compression compression = Compression::gzip;
  int level = kDefaultGzipLevel;
  unsigned threads = 1;
};

// Destroying one that was not finished stops its threads and leaves a half written blob.
class BlobWriter {
 public:
  // `blob_fd` is borrowed.
  static std::unique_ptr<BlobWriter> make(const CodecOptions& options, int blob_fd);
  virtual ~BlobWriter() = default;

  void write(std::string_view bytes);
  // Room to put bytes into, never empty; commit() says how many were.
  std::span<std::byte> space();
  void commit(std::size_t size);
  BlobTotals finish();

 protected:
  // Takes a filled block and returns an empty one. Throws what a thread behind it met.
  virtual Block exchange(Block full) = 0;
  // Ends the stream; blob_digest stays empty when the blob is the tar itself.
  virtual void end(BlobTotals& totals) = 0;

 private:
  void pass_on();

  Block block_;
  Hasher hasher_;
  std::uint64_t size_ = 0;
};

}  // namespace gbox::layer
