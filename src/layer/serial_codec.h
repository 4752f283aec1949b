// One thread takes the blocks in order: for zstd, whose library spreads the work itself, and for
// no compression at all. See compressor.h.
#pragma once

#include <thread>

#include "blob_file.h"
#include "compressor.h"

namespace gbox::layer {

class SerialCodec final : public BlobWriter {
 public:
  SerialCodec(const CodecOptions& options, int blob_fd);
  SerialCodec(const SerialCodec&) = delete;
  SerialCodec& operator=(const SerialCodec&) = delete;
  ~SerialCodec() override;

 private:
  Block exchange(Block full) override;
  void end(BlobTotals& totals) override;
  void run();
  void copy();
  void compress_zstd();
  void join();

  CodecOptions options_;
  BlobFile file_;
  BlockQueue queue_;
  std::exception_ptr failure_;  // written by the thread, read after join()
  std::thread thread_;
};

}  // namespace gbox::layer
