#include "serial_codec.h"

#include <zstd.h>

#include <algorithm>

#include "gbox/base/error.h"

namespace gbox::layer {

namespace {

constexpr std::size_t kQueuedBlocks = 8;

struct FreeZstdContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

std::size_t compressed(std::size_t result) {
  if (ZSTD_isError(result) != 0)
    throw Error(std::string("internal error: zstd: ") + ZSTD_getErrorName(result));
  return result;
}

}  // namespace

SerialCodec::SerialCodec(const CodecOptions& options, int blob_fd)
    : options_(options),
      file_(blob_fd, options.compression == Compression::none ? HashBlob::no : HashBlob::yes),
      queue_(kQueuedBlocks),
      thread_([this] { run(); }) {}

SerialCodec::~SerialCodec() {
  queue_.cancel();
  join();
}

void SerialCodec::join() {
  if (thread_.joinable()) thread_.join();
}

void SerialCodec::run() {
  try {
    if (options_.compression == Compression::zstd)
      compress_zstd();
    else
      copy();
  } catch (...) {
    failure_ = std::current_exception();
    queue_.cancel();
  }
}

void SerialCodec::copy() {
  while (std::optional<Block> block = queue_.pop()) {
    file_.write(block->bytes());
    queue_.give_back(std::move(*block));
  }
}

void SerialCodec::compress_zstd() {
  const std::unique_ptr<ZSTD_CCtx, FreeZstdContext> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  compressed(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, options_.level));
  compressed(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_nbWorkers,
                                    static_cast<int>(std::max(1u, options_.threads))));
  compressed(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1));
  std::vector<std::byte> out(ZSTD_CStreamOutSize());
  // Room for a step is made by writing what came out; `end` loops until the frame is complete.
  const auto feed = [&](std::span<const std::byte> bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer output{out.data(), out.size(), 0};
      const std::size_t left =
          compressed(ZSTD_compressStream2(context.get(), &output, &input, directive));
      file_.write({out.data(), output.pos});
      if (directive == ZSTD_e_end ? left == 0 : input.pos == input.size) return;
    }
  };
  while (std::optional<Block> block = queue_.pop()) {
    feed(block->bytes(), ZSTD_e_continue);
    queue_.give_back(std::move(*block));
  }
  feed({}, ZSTD_e_end);
}

Block SerialCodec::exchange(Block full) {
  if (!queue_.push(std::move(full))) {
    join();
    if (failure_) std::rethrow_exception(failure_);
    throw Error("internal error: the compressor stopped early");
  }
  return queue_.fresh();
}

void SerialCodec::end(BlobTotals& totals) {
  queue_.close();
  join();
  if (failure_) std::rethrow_exception(failure_);
  totals.blob_size = file_.size();
  totals.blob_digest = file_.digest();
}

}  // namespace gbox::layer
