// Decompresses gzip with zlib. libarchive's own filter does not look at the checksum behind each
// member, so that a damaged archive without a digest would pass. Used by archive_stream.cc.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace gbox::layer {

// Whether bytes begin as RFC 1952 says.
bool is_gzip(std::span<const std::byte> head) noexcept;

// Takes input from `read` (empty at its end) and hands output to `write`, over all members that
// follow one another. Other bytes behind the last member are ignored, as gzip(1) does.
// Throws Error (input) when the stream is damaged or cut short.
void gunzip(const std::function<std::span<const std::byte>()>& read,
            const std::function<void(std::span<const std::byte>)>& write);

}  // namespace gbox::layer
