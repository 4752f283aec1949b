#include "hashes.h"

#include <algorithm>

namespace gbox::net {

Hashes::Hashes(std::span<const Digest> wanted) : algorithms_{HashAlgorithm::sha256} {
  for (const Digest& digest : wanted) {
    wanted_.push_back(digest.algorithm());
    if (std::find(algorithms_.begin(), algorithms_.end(), digest.algorithm()) == algorithms_.end())
      algorithms_.push_back(digest.algorithm());
  }
  for (const HashAlgorithm algorithm : algorithms_) hashers_.emplace_back(algorithm);
}

void Hashes::update(std::span<const std::byte> bytes) {
  for (Hasher& hasher : hashers_) hasher.update(bytes);
}

Hashes::Result Hashes::finish() {
  std::vector<Digest> digests;
  for (Hasher& hasher : hashers_) digests.push_back(hasher.finish());
  Result result;
  result.sha256 = digests.front();
  for (const HashAlgorithm algorithm : wanted_) {
    const auto at = std::find(algorithms_.begin(), algorithms_.end(), algorithm);
    result.found.push_back(digests[static_cast<std::size_t>(at - algorithms_.begin())]);
  }
  return result;
}

}  // namespace gbox::net
