#include "compressor.h"

#include <algorithm>
#include <cstring>

#include "gbox/sys/fd.h"
#include "gzip_pool.h"
#include "serial_codec.h"

namespace gbox::layer {

std::unique_ptr<BlobWriter> BlobWriter::make(const CodecOptions& options, int blob_fd) {
  if (options.compression == Compression::gzip) return std::make_unique<GzipPool>(options, blob_fd);
  return std::make_unique<SerialCodec>(options, blob_fd);
}

void BlobWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<std::byte> room = space();
    const std::size_t size = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), size);
    commit(size);
    bytes.remove_prefix(size);
  }
}

std::span<std::byte> BlobWriter::space() {
  if (block_.data == nullptr) block_.data = std::make_unique_for_overwrite<std::byte[]>(kBlockSize);
  if (block_.size == kBlockSize) pass_on();
  return block_.space();
}

void BlobWriter::commit(std::size_t size) {
  block_.size += size;
}

void BlobWriter::pass_on() {
  hasher_.update(block_.bytes());
  size_ += block_.size;
  block_ = exchange(std::move(block_));
}

BlobTotals BlobWriter::finish() {
  if (block_.size != 0) pass_on();
  BlobTotals totals;
  totals.uncompressed_size = size_;
  totals.diff_id = hasher_.finish();
  end(totals);
  if (totals.blob_digest.empty()) totals.blob_digest = totals.diff_id;
  return totals;
}

}  // namespace gbox::layer
