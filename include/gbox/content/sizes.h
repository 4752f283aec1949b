// Where the bytes of a root are: by package, by directory, and what each preset of 'trim' would
// take. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gbox/content/owners.h"
#include "gbox/content/tree.h"

namespace gbox::content {

struct Share {
  std::string name;  // a package, a directory, a preset
  std::uint64_t bytes = 0;
  std::size_t files = 0;  // all that is no directory
};

struct Sizes {
  std::uint64_t bytes = 0;  // a file of several names counts once, under the first
  std::size_t files = 0;
  // Each by falling bytes, then by name; none of 0 files.
  std::vector<Share> packages;     // "category/name-version"; "" is what no package owns
  std::vector<Share> directories;  // none holds another: see directory_of()
  std::vector<Share> presets;      // of `trim`; they overlap but little
};

// The directory that a path is counted in: two components deep, three where the second is a
// collection of many things ("/usr/lib64/python3.12", "/usr/share/locale", but "/usr/bin").
std::string directory_of(const std::string& path);

// `keep_locales`: as a phase would have it.
Sizes sizes_of(const Tree& tree, const Owners& owners,
               const std::vector<std::string>& keep_locales = {});

}  // namespace gbox::content
