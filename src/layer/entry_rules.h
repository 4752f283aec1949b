// What an archive may say about one entry before anything is done: names, limits, whiteouts. Pure,
// so that hostile input can be tried as a table. Used by unpack.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gbox/layer/unpack.h"

namespace gbox::layer {

// Throws Error (input).
[[noreturn]] void refuse(const std::string& reason);

// "./a//b/" → "a/b", "./" → "". Throws Error (input) for absolute names, '..', NUL bytes,
// the empty name, and names beyond the limits. tar strips a leading '/'; an archive that has one
// was not made to be unpacked below a directory, and stripping would give it another meaning.
std::string checked_path(std::string_view name, const UnpackLimits& limits);

struct LayerName {
  enum class Kind { plain, whiteout, opaque } kind = Kind::plain;
  std::string path;  // plain: as given; whiteout: the path that is gone; opaque: the directory
};
// How an OCI layer's (checked) path is meant. Throws Error (input) for reserved names that mean
// nothing: '.wh.', '.wh..', '.wh...', '.wh..wh.…', and for '.wh.…' as a directory on the way.
LayerName interpret_layer_path(const std::string& path);

}  // namespace gbox::layer
