// Which layer of an image each package goes to, when layers are made by package: so that an update
// changes the layers of the packages it changes, and no others.
//
// Nothing is remembered between builds, so each rule looks at one package alone as far as it can. A
// package of some size has a layer of its own. A smaller one goes to one of a fixed number of
// groups, by a digest of its name: whatever else comes, goes or grows, it stays there. A package
// that grows past the limit leaves its group in a build that changes it anyway. The limit is the
// same for all images until the large ones are too many; then it doubles, and only that moves
// packages that did not change. Live packages, which change with every build, are kept together and
// apart. What no package owns is the last layer: it is what a build itself writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gbox::content {

// The least size of a package with a layer of its own: moving it costs more than a request does.
constexpr std::uint64_t kOwnLayerBytes = 512 << 10;

struct SizedPackage {
  std::string name;  // "category/name:slot", the same for all its versions
  std::uint64_t bytes = 0;
  bool live = false;
};

struct Group {
  std::string name;                  // of the package, "small 7", "live" or "rest"
  std::vector<std::size_t> members;  // indices of the packages, ascending; empty for "rest"
};

// At most `max_layers` (1 or more), none but the last empty of packages; by name, "rest" last. With
// one layer everything is the rest.
std::vector<Group> group_packages(const std::vector<SizedPackage>& packages, unsigned max_layers);

}  // namespace gbox::content
