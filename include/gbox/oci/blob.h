// A blob as it lies on disk: a whole file, or a stretch of an archive. Called by whoever unpacks or
// copies layers.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "gbox/oci/types.h"
#include "gbox/sys/fd.h"

namespace gbox::oci {

inline constexpr std::size_t kBufferBytes = 1u << 20;  // of one read

// The descriptor has its own file offset, which stands at `offset`. Whoever reads must stop after
// `size` bytes: in an archive, other entries follow.
struct BlobFile {
  sys::Fd fd;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Reads `blob` once and checks size and digest against `descriptor`; the file offset is set back to
// the start afterwards. `what` names the blob in errors. Throws Error (input).
void verify_blob(const BlobFile& blob, const Descriptor& descriptor, std::string_view what);
// For a file that holds nothing but the blob, from its start.
void verify_blob(int fd, const Descriptor& descriptor, std::string_view what);

// Copies the blob to `out_fd` and checks it in the same pass. On error `out_fd` holds rubbish.
void copy_blob(const BlobFile& blob, const Descriptor& descriptor, int out_fd,
               std::string_view what);

}  // namespace gbox::oci
