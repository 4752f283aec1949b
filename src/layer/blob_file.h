// The blob as it is written: digest and size on the way to the descriptor. One thread at a time.
#pragma once

#include <cstdint>
#include <span>

#include "gbox/base/digest.h"
#include "gbox/sys/fd.h"

namespace gbox::layer {

enum class HashBlob { no, yes };  // no: the caller knows the digest already

class BlobFile {
 public:
  BlobFile(int fd, HashBlob hash) : fd_(fd), hash_(hash) {}
  void write(std::span<const std::byte> bytes) {
    if (hash_ == HashBlob::yes) hasher_.update(bytes);
    sys::write_all(fd_, bytes, "layer blob");
    size_ += bytes.size();
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  Digest digest() { return hash_ == HashBlob::yes ? hasher_.finish() : Digest(); }

 private:
  int fd_;
  HashBlob hash_;
  Hasher hasher_;
  std::uint64_t size_ = 0;
};

}  // namespace gbox::layer
