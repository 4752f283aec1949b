// The little of tar that an oci-archive needs: an index of regular files by offset, so that blobs
// are read where they lie, and headers for an archive of plain files. Layers are another matter
// and another module.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace gbox::oci {

inline constexpr std::size_t kTarBlock = 512;
inline constexpr std::size_t kMaxArchiveEntries = 100000;
inline constexpr std::uint64_t kMaxTarExtension = 64u << 10;  // a pax header or a long name

struct TarFile {
  std::uint64_t offset = 0;  // of the content
  std::uint64_t size = 0;
};
// By name, without a leading "./".
using TarIndex = std::map<std::string, TarFile>;

// Reads headers only. Refused: compressed archives, broken checksums, content beyond the end of the
// file, sparse files, one name twice (readers disagree on which one counts). Links, directories and
// devices are passed over. `what` names the file. Throws Error (input).
TarIndex index_tar(int fd, std::string_view what);

enum class TarKind { file, directory };
// The header blocks of one entry: owner 0, time 0, mode 0644 or 0755, pax only where the name or
// the size asks for it. The content follows, then tar_padding(size) zero bytes; two zero blocks end
// the archive.
std::string tar_header(std::string_view name, TarKind kind, std::uint64_t size);
inline std::uint64_t tar_padding(std::uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

}  // namespace gbox::oci
