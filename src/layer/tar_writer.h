// The headers of a deterministic tar: ustar wherever an entry fits, a PAX header before it only
// where it does not (long names, large numbers, attributes). Owners by number only, whole seconds,
// no access or change time. Pure: bytes out, no system call. Used by pack.cc.
// Sources: POSIX pax(1), "ustar Interchange Format" and "pax Header Block"; star(5) for
// SCHILY.xattr.; image-spec layer.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "gbox/layer/changes.h"

namespace gbox::layer {

inline constexpr std::size_t kTarBlock = 512;

// Appends all header blocks of `entry` to `out`. For a file, its content and content_padding()
// zero bytes have to follow.
void append_tar_header(std::string& out, const Entry& entry,
                       std::optional<std::int64_t> clamp_mtime);

constexpr std::size_t content_padding(std::uint64_t size) {
  return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

// Two zero blocks. No more padding: blocking factors are a matter of tapes.
std::string tar_end_marker();

}  // namespace gbox::layer
