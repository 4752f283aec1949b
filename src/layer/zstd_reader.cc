#include "zstd_reader.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>

#include "gbox/base/text.h"
#include "zstd_frames.h"

namespace gbox::layer {

namespace {

// A frame of pzstd's default level is 8 MiB before and rarely more than 4 MiB after compressing: it
// fits, so that a worker finishes it while those before it are still being taken.
constexpr std::size_t kJobInput = 16;
constexpr std::size_t kJobOutput = 32;
// Smaller frames share a job: handing one over costs more than decoding it.
constexpr std::size_t kMinJobBytes = 512 << 10;

struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Context = std::unique_ptr<ZSTD_DCtx, FreeDecompressor>;

struct GivenUp {};  // the other side is gone; nobody is left to hear of it

std::size_t checked(std::size_t result) {
  if (ZSTD_isError(result) == 0) return result;
  if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge)
    throw Error("decompressing the archive would take a window of more than " +
                    human_size(std::uint64_t{1} << kZstdWindowLog) + ", the limit",
                ExitCode::input)
        .add_hint("compress it again without '--long', or with '--long=" +
                  std::to_string(kZstdWindowLog) + "' at most");
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  throw damaged_archive(std::string("zstd: ") + ZSTD_getErrorName(result));
}

}  // namespace

struct ZstdReader::Job {
  BlockQueue stored{kJobInput};
  BlockQueue decoded{kJobOutput};
};

ZstdReader::~ZstdReader() {
  stop();
  if (splitter_.joinable()) splitter_.join();
  for (std::thread& worker : workers_) worker.join();
}

void ZstdReader::stop() noexcept {
  const std::lock_guard lock(mutex_);
  if (!ended_) decoding_.abandon();
  stopping_ = true;
  for (const std::shared_ptr<Job>& job : jobs_) {
    job->stored.cancel();
    job->decoded.cancel();
  }
  changed_.notify_all();
}

// --- the caller ---

void ZstdReader::run() {
  splitter_ = std::thread([this] { split(); });
  while (const std::shared_ptr<Job> job = first_job()) {
    while (std::optional<Block> block = job->decoded.pop(decoding_.check))
      decoding_.take(std::move(*block));
    const std::lock_guard lock(mutex_);
    jobs_.pop_front();
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

std::shared_ptr<ZstdReader::Job> ZstdReader::first_job() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kWaitingCheck, [&] { return ended_ || !jobs_.empty(); }))
    decoding_.check();
  return jobs_.empty() ? nullptr : jobs_.front();
}

// --- the splitter ---

void ZstdReader::split() {
  try {
    ZstdFrames frames;
    for (;;) {
      std::span<const std::byte> bytes = decoding_.read();
      if (bytes.empty()) break;
      while (!bytes.empty()) {
        const std::size_t size = frames.advance(bytes);
        feed(bytes.first(size));
        if (frames.at_boundary() && job_bytes_ >= kMinJobBytes) end_job();
        bytes = bytes.subspan(size);
      }
    }
    end_job();
    end_splitting(nullptr);
  } catch (const GivenUp&) {
    end_splitting(nullptr);
  } catch (...) {
    // What came before is handed over first: it may be damaged itself.
    if (filling_ && (block_.data == nullptr || filling_->stored.push(std::move(block_))))
      filling_->stored.close(std::current_exception());
    end_splitting(std::current_exception());
  }
}

void ZstdReader::feed(std::span<const std::byte> bytes) {
  if (!filling_ && !open_job()) throw GivenUp();
  job_bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (block_.data == nullptr) block_ = input_.fresh();
    const std::size_t part = std::min(bytes.size(), block_.space().size());
    std::memcpy(block_.space().data(), bytes.data(), part);
    block_.size += part;
    bytes = bytes.subspan(part);
    if (block_.size == kBlockSize && !filling_->stored.push(std::move(block_))) throw GivenUp();
  }
}

void ZstdReader::end_job() {
  if (!filling_) return;
  if (block_.data != nullptr && !filling_->stored.push(std::move(block_))) throw GivenUp();
  block_ = {};
  filling_->stored.close();
  filling_.reset();
  job_bytes_ = 0;
}

bool ZstdReader::open_job() {
  const unsigned most = std::min(decoding_.threads, kMaxZstdWorkers);
  std::unique_lock lock(mutex_);
  // One more than there are workers: there is always a next one to begin with.
  changed_.wait(lock, [&] { return stopping_ || jobs_.size() <= most; });
  if (stopping_) return false;
  filling_ = std::make_shared<Job>();
  jobs_.push_back(filling_);
  ++unclaimed_;
  if (idle_ < unclaimed_ && workers_.size() < most) workers_.emplace_back([this] { work(); });
  changed_.notify_all();
  return true;
}

void ZstdReader::end_splitting(std::exception_ptr failure) noexcept {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  failure_ = std::move(failure);
  changed_.notify_all();
}

// --- the workers ---

std::shared_ptr<ZstdReader::Job> ZstdReader::claim() {
  std::unique_lock lock(mutex_);
  ++idle_;
  changed_.wait(lock, [&] { return stopping_ || ended_ || unclaimed_ != 0; });
  --idle_;
  if (stopping_ || unclaimed_ == 0) return nullptr;
  return jobs_[jobs_.size() - unclaimed_--];
}

namespace {

// Decodes what `stored` hands over into `decoded`; throws on damage.
void decode(ZSTD_DCtx* context, BlockQueue& stored, BlockQueue& decoded, BlockPool& input_blocks,
            const Decoding& decoding) {
  checked(ZSTD_DCtx_reset(context, ZSTD_reset_session_only));
  Block out = decoding.fresh();
  std::size_t expected = 0;  // 0: at the end of a frame, and all of it is out
  while (std::optional<Block> block = stored.pop()) {
    ZSTD_inBuffer input{block->data.get(), block->size, 0};
    bool full = false;
    while (input.pos < input.size || (full && expected != 0)) {
      ZSTD_outBuffer output{out.data.get(), kBlockSize, out.size};
      expected = checked(ZSTD_decompressStream(context, &output, &input));
      out.size = output.pos;
      full = out.size == kBlockSize;
      if (!full) continue;
      if (!decoded.push(std::move(out))) throw GivenUp();
      out = decoding.fresh();
    }
    input_blocks.give_back(std::move(*block));
  }
  if (expected != 0) throw damaged_archive("zstd: the end is missing");
  if (out.size != 0 && !decoded.push(std::move(out))) throw GivenUp();
}

}  // namespace

void ZstdReader::work() {
  Context context;
  while (const std::shared_ptr<Job> job = claim()) {
    try {
      if (!context) {
        context.reset(ZSTD_createDCtx());
        if (!context) throw std::bad_alloc();
        checked(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLog));
      }
      decode(context.get(), job->stored, job->decoded, input_, decoding_);
      job->decoded.close();
    } catch (const GivenUp&) {
      job->decoded.close();
    } catch (...) {
      job->decoded.close(std::current_exception());
    }
    job->stored.cancel();  // after damage the splitter may still be handing over
  }
}

}  // namespace gbox::layer
