// What became of what the store keeps by its digest: `gbox cache verify`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gbox::store {

struct Damaged {
  std::string kind;  // "package", "blob", "input", "distfile", "host package"
  std::string name;  // a package's cpv, else its key; a digest; a file's name
  std::string why;
};

struct VerifyResult {
  std::size_t packages = 0;  // each with the damaged ones
  std::size_t blobs = 0;
  std::size_t inputs = 0;
  std::size_t distfiles = 0;
  std::size_t host_packages = 0;  // that binary package hosts had
  std::uint64_t bytes = 0;        // that were hashed
  std::vector<Damaged> damaged;
};

// Of bytes read so far and in all; called several times a second. What it throws ends the work.
using VerifyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

}  // namespace gbox::store
