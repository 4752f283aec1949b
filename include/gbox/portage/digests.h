// Lists of digests as Gentoo's mirrors have them: DIGESTS and .sha256 (groups under "# SHA512
// HASH"), and what sha512sum writes. Pure; give it only text whose signature was verified.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"

namespace gbox::portage {

inline constexpr std::size_t kMaxLines = 20000;  // a directory of snapshots has some hundred

// Every digest of `file` in the list: BLAKE2b, SHA-512 and SHA-256, each once. Lines without a
// heading are of `bare`, when given, else ignored, as are algorithms that are not these three.
// Throws Error (input) when the list does not name `file` with one of them, contradicts itself or
// is damaged. `list` is what errors call the list.
std::vector<Digest> digests_for(std::string_view text, const std::string& file,
                                std::string_view list,
                                std::optional<HashAlgorithm> bare = std::nullopt);

// The names in such a list, each once, in order; names with '/' or of more than 255 bytes are left
// out.
std::vector<std::string> files_in_digests(std::string_view text);

}  // namespace gbox::portage
