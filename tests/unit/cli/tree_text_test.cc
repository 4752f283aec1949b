#include "tree_text.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace gbox::cli;

namespace {

TreeNode node(std::string name, std::string detail, std::vector<TreeNode::Edge> below = {}) {
  return {std::move(name), std::move(detail), std::move(below)};
}

}  // namespace

TEST_CASE("what several need is drawn once in full") {
  const std::vector<TreeNode> nodes = {
      node("glibc", "C library"), node("greetgen", ""),
      node("libgreet", "to build", {{1, "to build"}, {0, ""}}),
      node("hello", "first build", {{2, "to build and run"}, {0, ""}})};
  CHECK(draw_tree(nodes, {3}, Lines::utf8) ==
        "hello  first build\n"
        "├── libgreet [to build and run]  to build\n"
        "│   ├── greetgen [to build]\n"
        "│   └── glibc  C library\n"
        "└── glibc  (above)\n");
  CHECK(draw_tree(nodes, {3}, Lines::ascii) ==
        "hello  first build\n"
        "|-- libgreet [to build and run]  to build\n"
        "|   |-- greetgen [to build]\n"
        "|   `-- glibc  C library\n"
        "`-- glibc  (above)\n");
}

TEST_CASE("circles end, and what no root leads to is a root") {
  const std::vector<TreeNode> nodes = {node("a", "", {{1, ""}}), node("b", "", {{0, "later"}}),
                                       node("c", "", {{1, ""}, {9, ""}})};
  CHECK(draw_tree(nodes, {0, 0, 7}, Lines::ascii) ==
        "a\n`-- b\n    `-- a [later]  (above)\nc\n|-- b  (above)\n");
}

TEST_CASE("a long chain is cut into trees, and nothing of it is lost") {
  std::vector<TreeNode> nodes;
  for (std::size_t i = 0; i < 20'000; ++i) nodes.push_back(node("n", "full", {{i + 1, ""}}));
  nodes.back().below.clear();
  const std::string text = draw_tree(nodes, {0}, Lines::ascii);
  CHECK(text.size() < 4'000'000);
  std::size_t full = 0;
  for (std::size_t at = 0; (at = text.find("full", at)) != std::string::npos; ++at) ++full;
  CHECK(full == nodes.size());
}

TEST_CASE("text from outside cannot drive the terminal") {
  const std::vector<TreeNode> nodes = {
      node("a\x1b[2J", "b\x1b]0;x\x07 \xE2\x80\xAE", {{1, "\x1b[31m"}}), node("ä\n", "ü")};
  for (const Lines lines : {Lines::utf8, Lines::ascii}) {
    const std::string text = draw_tree(nodes, {0}, lines);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\x07') == std::string::npos);
    CHECK(text.find("\xE2\x80\xAE") == std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  }
  CHECK(draw_tree({node("ä → ö", "")}, {0}, Lines::ascii) == "? -> ?\n");
}

TEST_CASE("the locale says whether lines can be drawn") {
  CHECK(lines_for(nullptr, nullptr, "de_DE.UTF-8") == Lines::utf8);
  CHECK(lines_for("", "", "C.utf8") == Lines::utf8);
  CHECK(lines_for("C", nullptr, "de_DE.UTF-8") == Lines::ascii);
  CHECK(lines_for(nullptr, "C.UTF-8", "C") == Lines::utf8);
  CHECK(lines_for(nullptr, nullptr, nullptr) == Lines::ascii);
}
