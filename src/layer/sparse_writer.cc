#include "sparse_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::layer {

namespace {

bool all_zero(std::span<const std::byte> bytes) {
  // The first byte is zero and each equals the one before it.
  return bytes[0] == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

void SparseWriter::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  // Runs of data between aligned blocks of zeros: one write a run. A part of a block, cut off by
  // the bounds of `bytes`, may be skipped as well: whatever a new file was not given is zero.
  std::size_t run = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t into_block = static_cast<std::size_t>((offset + at) % kHoleSize);
    const std::size_t size = std::min(kHoleSize - into_block, bytes.size() - at);
    if (all_zero(bytes.subspan(at, size))) {
      put(offset + run, bytes.subspan(run, at - run));
      run = at + size;
    }
    at += size;
  }
  put(offset + run, bytes.subspan(run));
}

void SparseWriter::put(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw SysError(errno, "write " + quoted(subject_));
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    end_ = std::max(end_, offset);
  }
}

void SparseWriter::finish(std::uint64_t size) {
  if (end_ == size) return;
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0)
    throw SysError(errno, "set the size of " + quoted(subject_));
}

}  // namespace gbox::layer
