// The digests that Store::note_digest() has kept. Nobody but store's own files uses this.
#pragma once

#include <string>
#include <vector>

#include "gbox/base/digest.h"

namespace gbox::store {

struct NotedDigest {
  std::string path;  // below the store
  Digest digest;
};

// All that are sound.
std::vector<NotedDigest> noted_digests(int root);
void forget_digest(int root, const std::string& path);

}  // namespace gbox::store
