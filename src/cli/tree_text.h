// A graph drawn as a tree of lines, such as who needs which package. Refuses nothing: circles and
// shared nodes are drawn once in full and marked where they come again. Pure.
#pragma once

#include <string>
#include <vector>

namespace gbox::cli {

enum class Lines { utf8, ascii };

// What the locale of these variables (as the C library reads them) can show.
Lines lines_for(const char* lc_all, const char* lc_ctype, const char* lang);

struct TreeNode {
  std::string name;    // plain text of one line each
  std::string detail;  // shown once, behind the name
  struct Edge {
    std::size_t node = 0;
    std::string mark;  // behind the name; may be empty
  };
  std::vector<Edge> below;
};

constexpr std::size_t kMaxTreeDepth = 64;  // what lies deeper begins a tree of its own

// `roots` come first, in their order; then, as further roots, what none of them leads to. A node
// that comes again has "(above)" in place of its detail.
std::string draw_tree(const std::vector<TreeNode>& nodes, const std::vector<std::size_t>& roots,
                      Lines lines);

}  // namespace gbox::cli
