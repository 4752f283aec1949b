// Which ids a user namespace maps: extents, subordinate ranges (subuid(5)), and the two maps gbox
// needs: the store's (container 0 → the user) and the step's nested identity within it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::sys {

// One line of /proc/PID/uid_map: `count` ids from `inside` are `outside`… of the parent namespace.
struct IdExtent {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  bool operator==(const IdExtent&) const = default;
};
using IdMap = std::vector<IdExtent>;

// A line of /etc/subuid or /etc/subgid that belongs to the user.
struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// The ids an image may use: 0…65535, so 'nobody' (65534) is the highest that matters.
constexpr std::uint32_t kImageIds = 65536;
// Where the store's namespace maps real root when root itself runs gbox: gbox can then reach
// root's files, and no step can, as the steps' map ends below.
constexpr std::uint32_t kCallerId = kImageIds;

// Text of /proc/PID/uid_map, both ways. Parsing throws Error on anything else.
IdMap parse_id_map(std::string_view proc_text);
std::string id_map_text(const IdMap& map);
// "0+1→1000, 1+65535→100000": for people and for the store's header.
std::string describe(const IdMap& map);

// All ranges of a subuid(5) file for a user, matched by name and by number; each id once, and
// never real root's.
std::vector<IdRange> subordinate_ranges(std::string_view file_text, std::string_view user_name,
                                        std::uint32_t uid);

// Container 0 → `own_id`, 1… → the ranges in order but for `own_id`, up to kImageIds ids in all.
IdMap user_map(std::uint32_t own_id, const std::vector<IdRange>& ranges);
// For root: 0… → the range(s), kCallerId → real root.
IdMap root_map(const std::vector<IdRange>& ranges);
// The same with container 0 alone: all that can be had without subordinate ids.
IdMap single_user_map(std::uint32_t own_id);
IdMap single_root_map(const std::vector<IdRange>& ranges);
// Whether a store's map has one id for files.
bool maps_single_id(const IdMap& map);

// The map of a step's nested namespace: identity over `store_map`, split along its extents (one
// line over two extents is EPERM), without the caller's id.
IdMap nested_identity(const IdMap& store_map);

std::uint64_t total_ids(const std::vector<IdRange>& ranges);

}  // namespace gbox::sys
