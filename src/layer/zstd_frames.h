// Finds where the frames of a zstd stream end, without decoding them: magic numbers, header sizes
// and the sizes of blocks are enough. Source: RFC 8878, sections 3.1.1 and 3.1.2. Pure; used by
// zstd_reader.cc, whose frames are decoded by several threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gbox::layer {

// Whether bytes begin as a frame does, a skippable one (as pzstd writes before each) included.
bool is_zstd(std::span<const std::byte> head) noexcept;

class ZstdFrames {
 public:
  // Takes bytes up to the end of the current frame, or all of them, and returns how many. Throws
  // Error (input) where a frame must begin and does not.
  std::size_t advance(std::span<const std::byte> bytes);
  // Whether all bytes so far are whole frames.
  [[nodiscard]] bool at_boundary() const noexcept {
    return part_ == Part::magic && have_ == 0 && skip_ == 0;
  }

 private:
  enum class Part { magic, skippable_size, descriptor, header, block_header, end };
  void next_part();
  void expect(Part part, std::size_t size) noexcept;

  Part part_ = Part::magic;
  std::array<std::uint8_t, 16> field_{};
  std::size_t have_ = 0;    // bytes of field_ so far
  std::size_t wanted_ = 4;  // its size
  std::uint64_t skip_ = 0;  // bytes to pass over before the field
  bool checksum_ = false;
};

}  // namespace gbox::layer
