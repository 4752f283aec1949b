#include "gbox/oci/blob.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::oci {

namespace {

void seek(int fd, std::uint64_t offset, std::string_view what) {
  if (::lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0)
    throw SysError(errno, "seek in " + std::string(what), ExitCode::input);
}

[[noreturn]] void refuse_blob(std::string_view what, const std::string& why) {
  Error error("check " + std::string(what) + ": " + why, ExitCode::input);
  error.add_hint("the image is damaged or was tampered with; fetch or export it again");
  throw error;
}

// One pass over the blob: the digest, and a copy when `out_fd` is given.
void pass_over(const BlobFile& blob, const Descriptor& descriptor, int out_fd,
               std::string_view what) {
  if (blob.size != descriptor.size)
    refuse_blob(what, "it has " + std::to_string(blob.size) + " bytes instead of " +
                          std::to_string(descriptor.size));
  seek(blob.fd.get(), blob.offset, what);
  const std::string name = descriptor.digest.to_string();
  Hasher hasher(descriptor.digest.algorithm());
  std::vector<std::byte> buffer(static_cast<std::size_t>(
      std::min<std::uint64_t>(kBufferBytes, std::max<std::uint64_t>(1, blob.size))));
  for (std::uint64_t left = blob.size; left > 0;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    const std::span<std::byte> part = std::span(buffer).first(want);
    if (sys::read_full(blob.fd.get(), part, name) != want)
      refuse_blob(what, "it ends " + std::to_string(left) + " bytes early");
    hasher.update(part);
    if (out_fd >= 0) sys::write_all(out_fd, part, name);
    left -= want;
  }
  const Digest found = hasher.finish();
  if (found != descriptor.digest)
    refuse_blob(what, "its digest is '" + found.to_string() + "' instead of '" +
                          descriptor.digest.to_string() + "'");
  seek(blob.fd.get(), blob.offset, what);
}

}  // namespace

void verify_blob(const BlobFile& blob, const Descriptor& descriptor, std::string_view what) {
  pass_over(blob, descriptor, -1, what);
}

void verify_blob(int fd, const Descriptor& descriptor, std::string_view what) {
  const BlobFile blob{
      .fd = sys::dup(fd), .offset = 0, .size = static_cast<std::uint64_t>(sys::fstat(fd).st_size)};
  pass_over(blob, descriptor, -1, what);
}

void copy_blob(const BlobFile& blob, const Descriptor& descriptor, int out_fd,
               std::string_view what) {
  pass_over(blob, descriptor, out_fd, what);
}

}  // namespace gbox::oci
