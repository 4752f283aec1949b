#include "ld_cache.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace gbox::content {

namespace {

constexpr std::string_view kOld = "ld.so-1.7.0";
constexpr std::string_view kNew = "glibc-ld.so.cache1.1";
constexpr std::size_t kOldHeader = 16;  // magic, padding, number of entries
constexpr std::size_t kOldEntry = 12;
constexpr std::size_t kHeader = 48;
constexpr std::size_t kEntry = 24;

// In the byte order of whoever wrote it: both are tried by the caller's bounds, little endian being
// the order of every machine Gentoo has autobuilds of but a few.
std::uint32_t number(std::string_view bytes, std::size_t at, bool big) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[big ? at + i : at + 3 - i]);
  return value;
}

std::optional<std::string> string_at(std::string_view bytes, std::size_t at) {
  if (at >= bytes.size()) return std::nullopt;
  const std::size_t end = bytes.find('\0', at);
  if (end == std::string_view::npos || end == at) return std::nullopt;
  return std::string(bytes.substr(at, end - at));
}

}  // namespace

std::map<std::string, std::vector<std::string>> parse_ld_cache(std::string_view bytes) {
  std::map<std::string, std::vector<std::string>> libraries;
  if (bytes.size() > kMaxCacheBytes) return libraries;
  if (bytes.starts_with(kOld)) {
    if (bytes.size() < kOldHeader) return libraries;
    const std::uint64_t entries = number(bytes, 12, false);
    const std::uint64_t end = kOldHeader + entries * kOldEntry;
    // The new format follows, at a multiple of 8.
    const std::uint64_t start = (end + 7) & ~std::uint64_t{7};
    if (start >= bytes.size()) return libraries;
    bytes.remove_prefix(static_cast<std::size_t>(start));
  }
  if (!bytes.starts_with(kNew) || bytes.size() < kHeader) return libraries;
  for (const bool big : {false, true}) {
    const std::uint64_t entries = number(bytes, 20, big);
    const std::uint64_t strings = number(bytes, 24, big);
    if (kHeader + entries * kEntry + strings > bytes.size()) continue;  // the other byte order
    for (std::uint64_t i = 0; i < entries; ++i) {
      const std::size_t at = kHeader + static_cast<std::size_t>(i) * kEntry;
      // Offsets are from where this format begins.
      const auto name = string_at(bytes, number(bytes, at + 4, big));
      const auto path = string_at(bytes, number(bytes, at + 8, big));
      const bool extras = number(bytes, at + 16, big) != 0 || number(bytes, at + 20, big) != 0;
      if (name && path && path->front() == '/' && !extras) libraries[*name].push_back(*path);
    }
    break;
  }
  return libraries;
}

}  // namespace gbox::content
