// bzip2 streams in memory, by libarchive.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gbox::content {

// nullopt: it is no such stream, is damaged, or holds more than `limit` bytes.
std::optional<std::string> try_bunzip2(std::string_view packed, std::size_t limit);
// nullopt: this libarchive cannot write it.
std::optional<std::string> try_bzip2(std::string_view plain);

}  // namespace gbox::content
