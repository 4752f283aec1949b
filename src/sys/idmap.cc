#include "gbox/sys/idmap.h"

#include <algorithm>
#include <charconv>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::sys {

namespace {

// Appends a range but for the ids that an earlier one has: the kernel refuses a map that names an
// id twice, and files do (one line by name, one by number).
void append_new(std::vector<IdRange>& ranges, IdRange range) {
  for (const IdRange& old : std::vector<IdRange>(ranges)) {
    const std::uint32_t end = range.first + range.count;
    const std::uint32_t old_end = old.first + old.count;
    if (range.first >= old_end || end <= old.first) continue;
    if (range.first < old.first) append_new(ranges, {range.first, old.first - range.first});
    if (end <= old_end) return;
    range = {old_end, end - old_end};
  }
  ranges.push_back(range);
}

// The ranges without one id.
std::vector<IdRange> without(const std::vector<IdRange>& ranges, std::uint32_t id) {
  std::vector<IdRange> result;
  for (const IdRange& range : ranges) {
    if (id < range.first || id - range.first >= range.count) {
      result.push_back(range);
      continue;
    }
    const std::uint32_t before = id - range.first;
    if (before > 0) result.push_back({range.first, before});
    if (before + 1 < range.count) result.push_back({id + 1, range.count - before - 1});
  }
  return result;
}

// Appends extents from `inside` on, until `limit` ids inside are mapped.
void append_ranges(IdMap& map, std::uint32_t inside, const std::vector<IdRange>& ranges,
                   std::uint32_t limit) {
  for (const IdRange& range : ranges) {
    const std::uint32_t count = std::min(range.count, limit - inside);
    if (count == 0) break;
    map.push_back({inside, range.first, count});
    inside += count;
  }
}

}  // namespace

IdMap parse_id_map(std::string_view proc_text) {
  IdMap map;
  for (const std::string& line : split(proc_text, '\n')) {
    const std::vector<std::string> words = split_words(line);
    if (words.empty()) continue;
    const auto inside = whole_number<std::uint32_t>(words[0]);
    const auto outside = words.size() == 3 ? whole_number<std::uint32_t>(words[1]) : std::nullopt;
    const auto count = words.size() == 3 ? whole_number<std::uint32_t>(words[2]) : std::nullopt;
    if (!inside || !outside || !count) throw Error("read id map: line " + quoted(line));
    map.push_back({*inside, *outside, *count});
  }
  return map;
}

std::string id_map_text(const IdMap& map) {
  std::string text;
  for (const IdExtent& e : map)
    text += std::to_string(e.inside) + ' ' + std::to_string(e.outside) + ' ' +
            std::to_string(e.count) + '\n';
  return text;
}

std::string describe(const IdMap& map) {
  std::string text;
  for (const IdExtent& e : map) {
    if (!text.empty()) text += ", ";
    text +=
        std::to_string(e.inside) + '+' + std::to_string(e.count) + "→" + std::to_string(e.outside);
  }
  return text;
}

std::vector<IdRange> subordinate_ranges(std::string_view file_text, std::string_view user_name,
                                        std::uint32_t uid) {
  std::vector<IdRange> ranges;
  const std::string number = std::to_string(uid);
  for (const std::string& line : split(file_text, '\n')) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields.size() != 3 || fields[0].empty()) continue;
    if (fields[0] != number && fields[0] != user_name) continue;
    const auto first = whole_number<std::uint32_t>(fields[1]);
    const auto count = whole_number<std::uint32_t>(fields[2]);
    // Id 2^32-1 means 'no change' to the kernel; a range that reaches it is a typing error.
    if (!first || !count || *count == 0 || *first > UINT32_MAX - *count) continue;
    append_new(ranges, {*first, *count});
  }
  return without(ranges, 0);  // real root's id is nobody's subordinate, whatever a file says
}

IdMap user_map(std::uint32_t own_id, const std::vector<IdRange>& ranges) {
  IdMap map = {{0, own_id, 1}};
  append_ranges(map, 1, without(ranges, own_id), kImageIds);
  return map;
}

IdMap root_map(const std::vector<IdRange>& ranges) {
  IdMap map;
  append_ranges(map, 0, ranges, kImageIds);
  map.push_back({kCallerId, 0, 1});
  return map;
}

IdMap single_user_map(std::uint32_t own_id) {
  return {{0, own_id, 1}};
}

IdMap single_root_map(const std::vector<IdRange>& ranges) {
  IdMap map;
  append_ranges(map, 0, ranges, 1);
  map.push_back({kCallerId, 0, 1});
  return map;
}

bool maps_single_id(const IdMap& map) {
  std::uint64_t count = 0;
  for (const IdExtent& e : map)
    if (e.inside < kCallerId) count += e.count;
  return count == 1;
}

IdMap nested_identity(const IdMap& store_map) {
  IdMap map;
  for (const IdExtent& e : store_map)
    if (e.inside < kCallerId)
      map.push_back({e.inside, e.inside, std::min(e.count, kCallerId - e.inside)});
  return map;
}

std::uint64_t total_ids(const std::vector<IdRange>& ranges) {
  std::uint64_t total = 0;
  for (const IdRange& range : ranges) total += range.count;
  return total;
}

}  // namespace gbox::sys
