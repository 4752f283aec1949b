#include "costs.h"

#include <algorithm>
#include <tuple>

namespace gbox::build {

namespace {

// The flags in a key's parts; those of another form are as good as none.
std::map<std::string, bool> use_of(const Json& parts) {
  std::map<std::string, bool> use;
  if (!parts.is_array()) return use;
  for (const Json& part : parts) {
    if (!part.is_array() || part.size() != 2 || part[0] != "use" || !part[1].is_object()) continue;
    for (const auto& [flag, value] : part[1].items())
      if (value.is_boolean()) use[flag] = value.get<bool>();
  }
  return use;
}

std::size_t difference(const std::map<std::string, bool>& one,
                       const std::map<std::string, bool>& other) {
  std::size_t count = 0;
  for (const auto& [flag, value] : one) {
    const auto found = other.find(flag);
    if (found == other.end() || found->second != value) ++count;
  }
  for (const auto& [flag, value] : other)
    if (!one.contains(flag)) ++count;
  return count;
}

}  // namespace

Costs::Costs(const std::vector<store::Package>& known) {
  for (const store::Package& package : known) {
    if (package.seconds <= 0) continue;
    portage::PackageId id;
    id.cpv = package.cpv;
    builds_[std::string(id.package())].push_back({package.cpv, use_of(package.parts),
                                                  Cost{package.seconds, package.peak_bytes},
                                                  package.created});
  }
}

std::optional<Cost> Costs::of(const portage::PlannedPackage& package) const {
  const auto found = builds_.find(package.id.package());
  if (found == builds_.end()) return std::nullopt;
  std::map<std::string, bool> use;
  for (const std::string& flag : package.use_enabled) use[flag] = true;
  for (const std::string& flag : package.use_disabled) use[flag] = false;
  const auto distance = [&](const Build& build) {
    return std::pair(build.cpv != package.id.cpv, difference(build.use, use));
  };
  const auto nearest = std::min_element(
      found->second.begin(), found->second.end(), [&](const Build& one, const Build& other) {
        const auto near = distance(one);
        const auto far = distance(other);
        return near != far ? near < far : one.created > other.created;
      });
  return nearest->cost;
}

}  // namespace gbox::build
