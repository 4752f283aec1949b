// How much a directory tree takes on disk.
#pragma once

#include <cstdint>
#include <string>

namespace gbox::store {

struct TreeSize {
  std::uint64_t bytes = 0;    // allocated, a hard-linked file once
  std::uint64_t entries = 0;  // everything below the top
};

// Walks the tree at `path` below `dirfd`, following no link.
TreeSize tree_size(int dirfd, const std::string& path);

}  // namespace gbox::store
