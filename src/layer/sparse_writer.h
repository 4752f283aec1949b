// A new file's content, with the holes that a tar of zeros has lost: aligned blocks of zeros are
// not written. Used by extract.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gbox::layer {

// The block of every file system in use; smaller holes would save nothing.
inline constexpr std::size_t kHoleSize = 4096;

class SparseWriter {
 public:
  // `fd` is borrowed: an empty regular file. `subject` names it in errors.
  SparseWriter(int fd, std::string subject) : fd_(fd), subject_(std::move(subject)) {}
  // Offsets may jump (holes of a sparse tar entry), but only forward.
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  // Sets the file's size, so that a hole at the end exists.
  void finish(std::uint64_t size);

 private:
  void put(std::uint64_t offset, std::span<const std::byte> bytes);

  int fd_;
  std::string subject_;
  std::uint64_t end_ = 0;  // of what was written
};

}  // namespace gbox::layer
