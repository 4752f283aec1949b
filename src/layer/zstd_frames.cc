#include "zstd_frames.h"

#include <algorithm>

#include "decoding.h"

namespace gbox::layer {

namespace {

constexpr std::uint32_t kFrameMagic = 0xfd2fb528;
constexpr std::uint32_t kSkippableMagic = 0x184d2a50;  // its last four bits are free
constexpr std::uint32_t kSkippableMask = 0xfffffff0;
constexpr std::size_t kMagicSize = 4;
constexpr std::size_t kBlockHeaderSize = 3;
constexpr std::uint64_t kChecksumSize = 4;

std::uint32_t little_endian(std::span<const std::uint8_t> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

bool is_zstd(std::span<const std::byte> head) noexcept {
  if (head.size() < kMagicSize) return false;
  std::uint32_t magic = 0;
  for (std::size_t i = kMagicSize; i-- > 0;)
    magic = magic << 8 | std::to_integer<std::uint32_t>(head[i]);
  return magic == kFrameMagic || (magic & kSkippableMask) == kSkippableMagic;
}

void ZstdFrames::expect(Part part, std::size_t size) noexcept {
  part_ = part;
  wanted_ = size;
  have_ = 0;
}

std::size_t ZstdFrames::advance(std::span<const std::byte> bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    const std::uint64_t left = bytes.size() - used;
    if (skip_ != 0) {
      const std::uint64_t part = std::min(skip_, left);
      skip_ -= part;
      used += static_cast<std::size_t>(part);
    } else {
      field_[have_++] = std::to_integer<std::uint8_t>(bytes[used++]);
      if (have_ == wanted_) next_part();
    }
    if (part_ == Part::end && skip_ == 0) {
      expect(Part::magic, kMagicSize);
      return used;
    }
  }
  return used;
}

void ZstdFrames::next_part() {
  const std::span<const std::uint8_t> field = std::span(field_).first(have_);
  switch (part_) {
    case Part::magic: {
      const std::uint32_t magic = little_endian(field);
      if ((magic & kSkippableMask) == kSkippableMagic)
        return expect(Part::skippable_size, sizeof(std::uint32_t));
      if (magic != kFrameMagic) throw damaged_archive("zstd: other bytes where a frame must begin");
      return expect(Part::descriptor, 1);
    }
    case Part::skippable_size:
      skip_ = little_endian(field);
      return expect(Part::end, 0);
    case Part::descriptor: {
      constexpr std::array<std::size_t, 4> kDictionarySizes = {0, 1, 2, 4};
      const unsigned descriptor = field[0];
      const bool single_segment = (descriptor & 0x20) != 0;
      const unsigned size_flag = descriptor >> 6;
      checksum_ = (descriptor & 4) != 0;
      const std::size_t content_size =
          size_flag == 0 ? (single_segment ? 1 : 0) : std::size_t{1} << size_flag;
      const std::size_t window_size = single_segment ? 0 : 1;
      // Never nothing: without a window there is a content size.
      return expect(Part::header, window_size + kDictionarySizes[descriptor & 3] + content_size);
    }
    case Part::header:
      return expect(Part::block_header, kBlockHeaderSize);
    case Part::block_header: {
      constexpr std::uint32_t kRepeatedByte = 1;
      const std::uint32_t header = little_endian(field);
      const bool last = (header & 1) != 0;
      skip_ = (header >> 1 & 3) == kRepeatedByte ? 1 : header >> 3;
      if (!last) return expect(Part::block_header, kBlockHeaderSize);
      if (checksum_) skip_ += kChecksumSize;
      return expect(Part::end, 0);
    }
    case Part::end:
      return;
  }
}

}  // namespace gbox::layer
