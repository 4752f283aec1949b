#include "gbox/content/grouping.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace gbox::content;

namespace {

std::vector<SizedPackage> many(std::size_t count, std::uint64_t bytes) {
  std::vector<SizedPackage> packages;
  for (std::size_t i = 0; i < count; ++i)
    packages.push_back({"dev-libs/p" + std::to_string(i) + ":0", bytes, false});
  return packages;
}

// Package → layer.
std::map<std::string, std::string> places(const std::vector<SizedPackage>& packages,
                                          unsigned max_layers) {
  std::map<std::string, std::string> result;
  for (const Group& group : group_packages(packages, max_layers))
    for (const std::size_t member : group.members) result[packages[member].name] = group.name;
  return result;
}

}  // namespace

TEST_CASE("never more layers than asked for, every package in one, the rest last") {
  for (const unsigned most : {1u, 2u, 3u, 5u, 20u, 60u, 120u})
    for (const std::size_t count : {0u, 1u, 7u, 300u})
      for (const std::uint64_t bytes : {std::uint64_t{10}, std::uint64_t{50} << 20}) {
        auto packages = many(count, bytes);
        if (count > 3) packages[3].live = true;
        const auto groups = group_packages(packages, most);
        CAPTURE(most);
        CAPTURE(count);
        REQUIRE(!groups.empty());
        CHECK(groups.size() <= most);
        CHECK(groups.back().name == "rest");
        std::set<std::size_t> seen;
        for (const Group& group : groups)
          for (const std::size_t member : group.members) CHECK(seen.insert(member).second);
        CHECK(seen.size() == (most == 1 ? 0 : count));
      }
}

TEST_CASE("large packages have layers of their own, small ones share, live ones are apart") {
  auto packages = many(40, 1000);
  packages[7].bytes = 3 << 20;
  packages[8].bytes = 60 << 20;
  packages[8].live = true;
  const auto where = places(packages, 60);
  CHECK(where.at("dev-libs/p7:0") == "dev-libs/p7:0");
  CHECK(where.at("dev-libs/p8:0") == "live");
  CHECK(where.at("dev-libs/p1:0").starts_with("small "));
}

TEST_CASE("a package that comes, goes or grows moves no other") {
  const auto before_packages = many(200, 2000);
  const auto before = places(before_packages, 60);
  auto packages = before_packages;
  packages.erase(packages.begin() + 50);
  packages.push_back({"app-misc/new:0", 4000, false});
  packages.push_back({"app-misc/large:0", 40 << 20, false});
  packages[3].bytes = 90 << 20;
  const auto after = places(packages, 60);
  std::size_t moved = 0;
  for (const auto& [name, place] : after)
    if (before.contains(name) && before.at(name) != place) ++moved;
  CHECK(moved == 1);  // the one that grew
}

TEST_CASE("too many large packages raise the limit instead of the number of layers") {
  auto packages = many(100, 1 << 20);
  for (std::size_t i = 0; i < 10; ++i) packages[i].bytes = 64 << 20;
  const auto where = places(packages, 60);
  CHECK(where.at("dev-libs/p3:0") == "dev-libs/p3:0");
  CHECK(where.at("dev-libs/p30:0").starts_with("small "));
}
