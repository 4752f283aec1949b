// How much a directory tree takes on disk.
#pragma once

#include <cstdint>
#include <string>

namespace gbox::store {

struct TreeSize {
  // Allocated: what would be free if the tree went. A hard-linked file counts once, and not at all
  // while it has names outside of the tree, as the files of a checkpoint have: they count where
  // they came from.
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;  // everything below the top
};

// Walks the tree at `path` below `dirfd`, following no link.
TreeSize tree_size(int dirfd, const std::string& path);

}  // namespace gbox::store
