// Which stage3 a wish such as 'nomultilib-openrc' of 'latest' means on a mirror. Variants are
// opaque: they are what the mirror's signed latest-stage3*.txt name. What the mirror says is taken
// only from verified text, and only names of the one form that stage3 archives have.
// Called by build when it locks or fetches inputs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/portage/mirror.h"

namespace gbox::portage {

// "stage3-REST-STAMP.tar.ENDING"; REST is "ARCH-VARIANT", or for a sub-architecture such as
// "x32-openrc" or "armv7a_hardfp-systemd" anything else.
struct Stage3Name {
  std::string rest;
  std::string stamp;   // "20260816T164558Z"
  std::string ending;  // "xz", "zst", "bz2" or "gz"
};
std::optional<Stage3Name> parse_stage3_name(std::string_view file);

struct Stage3Candidate {
  std::string variant;  // REST without "ARCH-"
  std::string stamp;
  std::string path;                   // "STAMP/FILE", below releases/ARCH/autobuilds
  std::optional<std::uint64_t> size;  // older pointers have none
};
struct Stage3Pointer {
  std::vector<Stage3Candidate> candidates;  // in the text's order
  std::int64_t time = 0;                    // its "# ts="; 0: it has none
};
// The text of latest-stage3.txt or latest-stage3-*.txt. Lines that name no stage3 are left out.
Stage3Pointer parse_stage3_pointer(std::string_view text, std::string_view arch);

// What a spec's variant means: "stage3-amd64-openrc" and "amd64-openrc" are "openrc" where the
// architecture is amd64; `hint` then says how to write it. Throws Error (usage) for a name that
// cannot be one, or of another architecture.
struct VariantWish {
  std::string variant;
  std::string hint;  // "" when it was written as it should be
};
VariantWish read_variant(std::string_view text, std::string_view arch);

// The newest candidate of `variant` within `date` (is_date_wish); nullptr when the variant is there
// and the date is not. Throws Error (usage) for an unknown variant, with the mirror's variants,
// nearest first.
const Stage3Candidate* choose_stage3(const std::vector<Stage3Candidate>& candidates,
                                     const std::string& variant, std::string_view date);

struct Stage3Wish {
  std::string arch;     // Gentoo's word, such as "amd64"
  std::string variant;  // as in the spec
  std::string date = "latest";
  std::vector<std::string> mirrors;  // URLs or absolute paths, one or more
  std::string known_stamp;  // what the lock has: for 'latest' nothing older is taken; "": no lock
  std::int64_t now = 0;     // seconds since 1970
};
// Finds the file, its digests and whose word they are. `ring` nullptr: verification is off. Throws
// Error: usage for a wish that cannot be met, input for what the mirrors lack or do wrong.
ResolvedFile resolve_stage3(const Stage3Wish& wish, Downloader& mirror, const KeyRing* ring,
                            WarningSink& sink);

}  // namespace gbox::portage
