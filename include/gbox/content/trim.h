// What the presets of 'trim' match in a root. Pure: nothing is removed here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/content/tree.h"
#include "gbox/spec/trim_presets.h"

namespace gbox::content {

struct Matched {
  std::vector<std::string> paths;  // in byte order; none of them beneath another
  std::uint64_t bytes = 0;         // of all files in them; one of several names counts once
  std::size_t files = 0;           // all that is no directory
};

// A link among the parents is never crossed: what it leads to is matched where it is.
Matched match(const Tree& tree, const spec::TrimPreset& preset,
              const std::vector<std::string>& keep_locales);

}  // namespace gbox::content
