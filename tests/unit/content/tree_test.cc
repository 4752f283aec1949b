#include "gbox/content/tree.h"

#include <doctest/doctest.h>

#include "../tree.h"
#include "gbox/base/error.h"

using namespace gbox;
namespace content = gbox::content;

TEST_CASE("a root is read with kinds, sizes, links and names of one file") {
  test::Tree root;
  root.file("usr/b", "12345").link("l", "usr/b").directory("empty");
  sys::linkat(root.fd(), "usr/b", root.fd(), "usr/a");
  const content::Tree tree = content::Tree::scan(root.fd());
  std::vector<std::string> paths;
  for (const content::File& file : tree.files()) paths.push_back(file.path);
  CHECK(paths == std::vector<std::string>{"/empty", "/l", "/usr", "/usr/a", "/usr/b"});
  CHECK(tree.at("/usr/b")->size_bytes == 5);
  CHECK(tree.at("/usr/b")->linked_to == "/usr/a");
  CHECK(tree.at("/usr/a")->linked_to == "/usr/a");
  CHECK(tree.at("/l")->target == "usr/b");
  CHECK(tree.at("/none") == nullptr);
  const content::Tree moved = content::Tree::scan(root.fd());
  CHECK(moved.at("/usr/a") != nullptr);
}

TEST_CASE("a root that is too deep is refused, not followed to the end of descriptors") {
  const test::Tree root;
  sys::Fd at = sys::dup(root.fd());
  for (int i = 0; i < 300; ++i) {
    sys::mkdirat(at.get(), "d", 0755);
    at = sys::openat(at.get(), "d", O_RDONLY | O_DIRECTORY);
  }
  CHECK_THROWS_WITH_AS(content::Tree::scan(root.fd()),
                       doctest::Contains("more than 256 directories deep"), Error);
}
