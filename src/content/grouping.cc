#include "gbox/content/grouping.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "gbox/base/digest.h"

namespace gbox::content {

namespace {

constexpr unsigned kSmallShare = 4;  // one layer in so many is a group
constexpr std::size_t kDigits = 8;   // of a digest: 32 bits

std::string small_name(unsigned number) {
  // Two digits, so that groups sort by number.
  return std::string("small ") + (number < 10 ? "0" : "") + std::to_string(number);
}

unsigned group_of(const std::string& name, unsigned groups) {
  const Digest digest = sha256(name);
  std::uint32_t value = 0;
  (void)std::from_chars(digest.hex().data(), digest.hex().data() + kDigits, value, 16);
  return value % groups;
}

}  // namespace

std::vector<Group> group_packages(const std::vector<SizedPackage>& packages, unsigned max_layers) {
  std::map<std::string, Group> groups;
  const bool has_live =
      std::any_of(packages.begin(), packages.end(), [](const auto& each) { return each.live; });
  // One is for what nobody owns.
  unsigned free = max_layers > 0 ? max_layers - 1 : 0;
  if (free > 1 && has_live) --free;
  const unsigned small = free == 0 ? 0 : std::max(1u, free / kSmallShare);
  const std::size_t most_own = free - small;
  const auto too_many = [&](std::uint64_t limit) {
    return static_cast<std::size_t>(
               std::count_if(packages.begin(), packages.end(), [&](const SizedPackage& each) {
                 return !each.live && each.bytes >= limit;
               })) > most_own;
  };
  std::uint64_t limit = kOwnLayerBytes;
  while (limit < UINT64_MAX / 2 && too_many(limit)) limit *= 2;
  for (std::size_t i = 0; free != 0 && i < packages.size(); ++i) {
    const SizedPackage& package = packages[i];
    std::string name = package.name;
    if (package.live && max_layers > 2)
      name = "live";
    else if (package.live || most_own == 0 || package.bytes < limit)
      name = small_name(group_of(package.name, small));
    Group& group = groups[name];
    group.name = name;
    group.members.push_back(i);
  }
  std::vector<Group> result;
  for (auto& [name, group] : groups) result.push_back(std::move(group));
  result.push_back({"rest", {}});
  return result;
}

}  // namespace gbox::content
