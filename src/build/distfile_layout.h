// Where a mirror keeps a distfile: layout.conf (GLEP 75) read, and paths built by it. Pure.
// Called by distfiles.cc, which asks each mirror for its layout.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/digest.h"
#include "gbox/portage/emerge_plan.h"

namespace gbox::build {

// What a structure of layout.conf says: "flat", "filename-hash BLAKE2B 8" or
// "content-hash SHA512 8:8:8", the numbers being bits of directory names.
struct DistfileLayout {
  enum class Kind { flat, filename_hash, content_hash };
  Kind kind = Kind::flat;
  HashAlgorithm algorithm = HashAlgorithm::blake2b;
  std::vector<unsigned> digits;  // hex digits of each directory's name
};

// The structures that gbox can follow, in the mirror's order of preference; what it does not know
// is passed over. A text without any gives the flat one, which mirrors had before there were
// layouts.
std::vector<DistfileLayout> parse_layout(std::string_view text);

// "3a/hello-1.0.tar", below the mirror's distfiles/. nullopt when a content hash is wanted that
// the Manifest does not have.
std::optional<std::string> path_in(const DistfileLayout& layout, const portage::Distfile& file);

}  // namespace gbox::build
