// The digests of one stream, all in one pass: SHA-256 always, and each algorithm that is asked for.
// Called by Job for every byte that becomes part of a file.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "gbox/base/digest.h"

namespace gbox::net {

class Hashes {
 public:
  explicit Hashes(std::span<const Digest> wanted);
  void update(std::span<const std::byte> bytes);

  struct Result {
    Digest sha256;
    std::vector<Digest> found;  // one for each wanted, in that order
  };
  // Ends the stream.
  Result finish();

 private:
  std::vector<HashAlgorithm> wanted_;
  std::vector<HashAlgorithm> algorithms_;  // without repetition; SHA-256 first
  std::vector<Hasher> hashers_;
};

}  // namespace gbox::net
