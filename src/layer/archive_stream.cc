#include "archive_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "decoding.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "gzip_reader.h"
#include "xz_reader.h"
#include "zstd_frames.h"
#include "zstd_reader.h"

namespace gbox::layer {

namespace {

constexpr std::size_t kBlocksAhead = 8;
constexpr int kStopCheck_ms = 100;
constexpr std::size_t kHeadSize = 6;  // the longest magic number, xz's

struct FreeReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

struct Stopped {};  // the consumer is gone; nobody is left to hear of it

}  // namespace

// libarchive's callback: exceptions wait in read_failure_ until it has returned.
struct StoredReader {
  static la_ssize_t read(archive* reader, void* client, const void** data) {
    auto& stream = *static_cast<ArchiveStream*>(client);
    try {
      const std::span<const std::byte> bytes = stream.read_stored();
      *data = bytes.data();
      return static_cast<la_ssize_t>(bytes.size());
    } catch (...) {
      stream.read_failure_ = std::current_exception();
      archive_set_error(reader, EIO, "read failed");
      return -1;
    }
  }
};

ArchiveStream::ArchiveStream(int archive_fd, const UnpackOptions& options)
    : fd_(archive_fd), options_(options), stored_(kBlockSize), queue_(kBlocksAhead) {
  for (const HashAlgorithm algorithm : options.digests) stored_hashers_.emplace_back(algorithm);
  thread_ = std::thread([this] { run(); });
}

ArchiveStream::~ArchiveStream() {
  stopping_ = true;
  queue_.cancel();
  thread_.join();
}

std::vector<Digest> ArchiveStream::stored_digests() {
  std::vector<Digest> digests;
  for (Hasher& hasher : stored_hashers_) digests.push_back(hasher.finish());
  return digests;
}

std::size_t ArchiveStream::read_some(std::span<std::byte> into) {
  for (;;) {
    // A pipe may stall for ever; the destructor must not.
    pollfd waiting{fd_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, kStopCheck_ms);
    if (stopping_) throw Stopped();
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t count = ::read(fd_, into.data(), into.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) throw SysError(errno, "read the archive", ExitCode::input);
    const auto size = static_cast<std::size_t>(count);
    for (Hasher& hasher : stored_hashers_) hasher.update(into.first(size));
    stored_bytes_ += size;
    return size;
  }
}

void ArchiveStream::read_head() {
  while (head_size_ < kHeadSize) {
    const std::size_t size = read_some(std::span(stored_).subspan(head_size_));
    if (size == 0) return;
    head_size_ += size;
  }
}

std::span<const std::byte> ArchiveStream::read_stored() {
  if (head_size_ != 0) return std::span(stored_).first(std::exchange(head_size_, 0));
  return std::span(stored_).first(read_some(stored_));
}

void ArchiveStream::check_ratio() const {
  const UnpackLimits& limits = options_.limits;
  const std::uint64_t tar = tar_bytes_;
  if (tar <= limits.ratio_free_bytes) return;
  const std::uint64_t stored = options_.stored_bytes.value_or(stored_bytes_);
  if ((tar - limits.ratio_free_bytes) / std::max<std::uint64_t>(limits.ratio, 1) > stored)
    throw Error("a compression bomb: " + human_size(stored) + " became more than " +
                    human_size(tar) + ", the limit is " + std::to_string(limits.ratio) +
                    " times the size",
                ExitCode::input);
}

void ArchiveStream::check_stopped() const {
  if (stopping_) throw Stopped();
}

void ArchiveStream::deliver(Block block) {
  if (block.size == 0) return;  // to who reads, an empty block is the end
  tar_hasher_.update(block.bytes());
  tar_bytes_ += block.size;
  check_ratio();
  if (!queue_.push(std::move(block))) throw Stopped();
}

void ArchiveStream::pass_on(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (block_.data == nullptr) block_ = queue_.fresh();
    const std::size_t part = std::min(bytes.size(), block_.space().size());
    std::memcpy(block_.space().data(), bytes.data(), part);
    block_.size += part;
    bytes = bytes.subspan(part);
    if (block_.size == kBlockSize) deliver(std::move(block_));
  }
}

void ArchiveStream::decompress() {
  read_head();
  const std::span<const std::byte> head = std::span(stored_).first(head_size_);
  const Decoding decoding{.read = [this] { return read_stored(); },
                          .fresh = [this] { return queue_.fresh(); },
                          .take = [this](Block block) { deliver(std::move(block)); },
                          .check = [this] { check_stopped(); },
                          .abandon = [this] { stopping_ = true; },
                          .threads = decoding_threads(options_.threads)};
  if (is_gzip(head))
    gunzip(decoding.read, [this](std::span<const std::byte> bytes) { pass_on(bytes); });
  else if (is_xz(head))
    unxz(decoding);
  else if (is_zstd(head))
    ZstdReader(decoding).run();
  else
    decompress_by_libarchive();
  // What follows the compressed stream counts for the digests and for nothing else.
  while (!read_stored().empty()) continue;
}

void ArchiveStream::decompress_by_libarchive() {
  const std::unique_ptr<archive, FreeReader> reader(archive_read_new());
  if (!reader) throw std::bad_alloc();
  // A filter that libarchive was built without would be run as a program: ARCHIVE_WARN.
  if (archive_read_support_filter_bzip2(reader.get()) != ARCHIVE_OK)
    throw Error("internal error: libarchive lacks bzip2");
  archive_read_support_format_raw(reader.get());
  archive_read_support_format_empty(reader.get());
  const auto check = [&](int result) {
    if (read_failure_) std::rethrow_exception(read_failure_);
    if (result >= ARCHIVE_OK) return;
    const char* text = archive_error_string(reader.get());
    throw Error("the archive is damaged or cut short (" +
                    printable(text != nullptr ? text : "no reason given") + ")",
                ExitCode::input)
        .add_hint(
            "fetch or make it again; a tar file is expected, plain or compressed by gzip, "
            "bzip2, xz or zstd");
  };
  check(archive_read_open(reader.get(), this, nullptr, StoredReader::read, nullptr));
  archive_entry* entry = nullptr;
  const int begun = archive_read_next_header(reader.get(), &entry);
  if (begun != ARCHIVE_EOF) {
    check(begun);
    for (;;) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader.get(), &data, &size, &offset);
      if (result == ARCHIVE_EOF) break;
      check(result);
      pass_on({static_cast<const std::byte*>(data), size});
    }
  }
}

void ArchiveStream::run() {
  try {
    decompress();
    if (block_.data != nullptr) deliver(std::move(block_));
    queue_.close();
  } catch (const Stopped&) {
    queue_.close();
  } catch (...) {
    // What came before the damage is handed on first, so that its faults are told before this.
    if (block_.data != nullptr && block_.size != 0 && !queue_.push(std::move(block_))) return;
    queue_.close(std::current_exception());
  }
}

}  // namespace gbox::layer
