// Decompresses .xz with liblzma, on several threads where the archive consists of several blocks
// that name their sizes, as 'xz -T0' writes it and as Gentoo's stage3s are. Used by
// archive_stream.cc.
#pragma once

#include <cstdint>

#include "decoding.h"

namespace gbox::layer {

// What decoding may take at most. The presets of xz need 65 MiB at most; a header that asks for
// gigabytes is hostile or made for another machine.
inline constexpr std::uint64_t kXzMemoryLimit = std::uint64_t{1} << 30;

bool is_xz(std::span<const std::byte> head) noexcept;

// Decodes all streams that follow one another, with the padding between them. Checksums are
// checked; anything else behind the last stream is damage. Throws Error (input).
void unxz(const Decoding& decoding);

}  // namespace gbox::layer
