// What repositories hold: packages, metadata that can be believed, near names.
#include "gbox/portage/tree_index.h"

#include <doctest/doctest.h>

#include "gbox/base/text.h"
#include "sample_tree.h"

using namespace gbox;
using namespace gbox::portage;
using test::Tree;

namespace {

struct Index {
  explicit Index(const Tree& tree) { add(tree, "gentoo", 0); }
  void add(const Tree& tree, const std::string& name, int priority) {
    repositories.push_back(test::checked(tree, name));
    priorities.push_back(priority);
  }
  TreeIndex open() {
    std::vector<TreeIndex::Source> sources;
    for (std::size_t i = 0; i < repositories.size(); ++i)
      sources.push_back({&repositories[i], priorities[i]});
    return TreeIndex(sources, "gentoo");
  }
  std::vector<CheckedRepository> repositories;
  std::vector<int> priorities;
};

std::string versions(const std::vector<Ebuild>& ebuilds) {
  std::vector<std::string> words;
  for (const Ebuild& ebuild : ebuilds)
    words.push_back(ebuild.version + "::" + ebuild.repository + (ebuild.cached ? "" : "?"));
  return join(words, " ");
}

std::string suggested(TreeIndex& tree, const char* atom) {
  return join(tree.suggestions(*parse_atom(atom)), " ");
}

}  // namespace

TEST_CASE("metadata comes out of the cache") {
  const Tree gentoo = test::sample_gentoo();
  Index index(gentoo);
  TreeIndex tree = index.open();
  const auto& php = tree.ebuilds("dev-lang", "php");
  REQUIRE(php.size() == 2);
  CHECK(versions(php) == "8.3.1::gentoo 8.4.0::gentoo");
  CHECK(php[0].slot == "8.3");
  CHECK(php[0].subslot == "8.3");
  CHECK(php[0].required_use == "apache2? ( threads )");
  CHECK(join(php[1].iuse, " ") == "+cli fpm jit");
  CHECK(php[1].keywords == "~amd64");
  CHECK(tree.ebuilds("dev-lang", "perl").empty());
  CHECK(tree.ebuilds("no-category", "php").empty());
  CHECK(tree.ebuilds("..", "x").empty());
}

TEST_CASE("an ebuild whose cache entry is missing or stale is known by name only") {
  Tree gentoo = test::sample_gentoo();
  gentoo.file("dev-lang/php/php-9.ebuild", "EAPI=8\n");
  gentoo.file("dev-lang/php/php-9.1.ebuild", "EAPI=8\n")
      .file("metadata/md5-cache/dev-lang/php-9.1",
            "SLOT=0\n_md5_=d41d8cd98f00b204e9800998ecf8427e\n");
  gentoo.file("dev-lang/php/php-9.2.ebuild", "EAPI=8\n")
      .file("metadata/md5-cache/dev-lang/php-9.2",
            "SLOT=0/2\n_md5_=9d04a5f1462b46be363776f06f8e13b6\n"
            "_eclasses_=one\t68b329da9893e34099c7d8ad5cb9c940\n")
      .file("eclass/one.eclass", "\n");
  gentoo.file("dev-lang/php/php-9.3.ebuild", "EAPI=8\n")
      .file("metadata/md5-cache/dev-lang/php-9.3",
            "SLOT=0\n_eclasses_=one\td41d8cd98f00b204e9800998ecf8427e\n");
  gentoo.file("dev-lang/php/other-1.ebuild").file("dev-lang/php/php-x.ebuild");
  Index index(gentoo);
  TreeIndex tree = index.open();
  CHECK(versions(tree.ebuilds("dev-lang", "php")) ==
        "8.3.1::gentoo 8.4.0::gentoo 9::gentoo? 9.1::gentoo? 9.2::gentoo 9.3::gentoo?");
  CHECK(tree.ebuilds("dev-lang", "php")[4].subslot == "2");
}

TEST_CASE("of several repositories the one of higher priority comes last at equal versions") {
  const Tree gentoo = test::sample_gentoo();
  Tree guru;
  test::make_repository(guru, "guru", "gentoo");
  test::add_ebuild(guru, "dev-lang", "php", "8.3.1");
  test::add_ebuild(guru, "www-servers", "caddy", "2");
  Index index(gentoo);
  index.add(guru, "guru", -5);
  TreeIndex tree = index.open();
  CHECK(tree.complete());
  CHECK(tree.names() == "repositories 'gentoo' and 'guru'");
  CHECK(versions(tree.ebuilds("dev-lang", "php")) == "8.3.1::guru 8.3.1::gentoo 8.4.0::gentoo");
  CHECK(tree.has_package("www-servers", "caddy"));
  CHECK(tree.matching(*parse_atom("dev-lang/php::guru")).size() == 1);
  CHECK(tree.matching(*parse_atom("dev-lang/*")).size() == 3);
}

TEST_CASE("a master that the spec does not have leaves the index incomplete") {
  Tree guru;
  test::make_repository(guru, "guru", "gentoo");
  std::vector<CheckedRepository> repositories;
  repositories.push_back(test::checked(guru, "guru"));
  const TreeIndex::Source source{repositories.data(), 0};
  CHECK_FALSE(TreeIndex(std::span(&source, 1), "guru").complete());
}

TEST_CASE("near names are found in the category, in another one, and without one") {
  const Tree gentoo = test::sample_gentoo();
  Index index(gentoo);
  TreeIndex tree = index.open();
  CHECK(suggested(tree, "www-servers/ngnix") == "www-servers/nginx");
  CHECK(suggested(tree, "dev-lang/nginx") == "acct-user/nginx www-servers/nginx");
  CHECK(suggested(tree, "www-server/nginx") == "acct-user/nginx www-servers/nginx");
  CHECK(suggested(tree, "nginx") == "acct-user/nginx www-servers/nginx");
  CHECK(suggested(tree, "phpp") == "dev-lang/php");
  CHECK(suggested(tree, "dev-lang/zzzzzzzz") == "");
}

TEST_CASE("flags that no list explains are found in the cache of a repository without lists") {
  const Tree gentoo = test::sample_gentoo();
  Tree guru;
  test::make_repository(guru, "guru", "gentoo");
  test::add_ebuild(guru, "www-servers", "caddy", "2", {{"IUSE", "+events -systemd tailscale"}});
  Index index(gentoo);
  index.add(guru, "guru", 0);
  TreeIndex tree = index.open();
  CHECK(join(tree.undocumented_flags(), " ") == "events systemd tailscale");
}
