// Writing one blob: bytes go to a temporary file, commit() gives it its name. The caller hashes
// while it writes; the store takes the digest on trust and checks no content.
#pragma once

#include <cstdint>
#include <string>

#include "gbox/base/digest.h"
#include "gbox/sys/fd.h"
#include "gbox/sys/lock.h"

namespace gbox::store {

class Uses;

// Move-only; the destructor discards what was not committed.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&& other) noexcept;
  BlobWriter& operator=(BlobWriter&& other) noexcept;
  ~BlobWriter();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // read-write, at the start
  // Publishes the bytes written so far as `digest` (sha256 only) and returns the blob's path. A
  // blob that is already there with this size wins; one of another size is damaged and replaced.
  std::string commit(const Digest& digest);

 private:
  friend class Store;
  BlobWriter(std::string scratch, std::string blobs, Uses& uses, sys::Fd fd, sys::FileLock lock,
             sys::FileLock lease) noexcept;
  void discard() noexcept;

  std::string scratch_;  // absolute path of the directory holding the file; empty once committed
  std::string blobs_;    // absolute path of blobs/sha256
  Uses* uses_;           // the store's, which outlives this
  sys::Fd fd_;
  sys::FileLock lock_;  // on the scratch directory
  sys::FileLock lease_;
};

}  // namespace gbox::store
