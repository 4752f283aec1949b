#include "gbox/sys/digest.h"

#include <span>
#include <vector>

#include "gbox/sys/fd.h"

namespace gbox::sys {

namespace {

constexpr std::size_t kReadBytes = 256u << 10;

}  // namespace

Digest sha256_of(int fd, const std::string& subject) {
  Hasher hasher;
  std::vector<std::byte> buffer(kReadBytes);
  while (const std::size_t count = read_full(fd, buffer, subject))
    hasher.update(std::span(buffer).first(count));
  return hasher.finish();
}

}  // namespace gbox::sys
