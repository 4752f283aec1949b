// Files of the source tree that are built into the program (see embed.py and meson.build).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace gbox::sandbox {

struct EmbeddedFile {
  std::string_view name;  // without directory and ending
  std::string_view text;
};
// policies/*.toml, sorted by name.
const std::vector<EmbeddedFile>& embedded_files();

// The static program that is PID 1 of a step (init.c).
std::span<const std::byte> init_program();

}  // namespace gbox::sandbox
