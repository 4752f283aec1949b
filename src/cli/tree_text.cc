#include "tree_text.h"

#include <string_view>

#include "cells.h"

namespace gbox::cli {

namespace {

struct Strokes {
  std::string_view branch;
  std::string_view last;
  std::string_view trunk;
};
constexpr Strokes kUtf8 = {"├── ", "└── ", "│   "};
constexpr Strokes kAscii = {"|-- ", "`-- ", "|   "};
constexpr std::string_view kBlank = "    ";
constexpr std::string_view kAbove = "  (above)";
constexpr std::string_view kDeeper = "  (below)";

class Drawing {
 public:
  Drawing(const std::vector<TreeNode>& nodes, Lines lines)
      : nodes_(nodes),
        strokes_(lines == Lines::utf8 ? kUtf8 : kAscii),
        lines_(lines),
        drawn_(nodes.size()) {}

  // No recursion: how deep a graph is, an image decides.
  void draw(std::size_t root) {
    if (root >= nodes_.size() || drawn_[root]) return;
    line("", "", root, "");
    std::vector<Level> levels = {{root, 0, ""}};
    while (!levels.empty()) {
      Level& level = levels.back();
      const std::vector<TreeNode::Edge>& below = nodes_[level.node].below;
      if (level.next == below.size()) {
        levels.pop_back();
        continue;
      }
      const TreeNode::Edge& edge = below[level.next++];
      if (edge.node >= nodes_.size()) continue;
      const bool is_last = level.next == below.size();
      const std::string lead = level.lead;
      const bool deep = levels.size() >= kMaxTreeDepth && !drawn_[edge.node];
      const bool again =
          line(lead, is_last ? strokes_.last : strokes_.branch, edge.node, edge.mark, deep);
      if (!again)
        levels.push_back({edge.node, 0, lead + std::string(is_last ? kBlank : strokes_.trunk)});
    }
  }

  std::string take() { return std::move(text_); }

 private:
  struct Level {
    std::size_t node;
    std::size_t next;  // of its edges
    std::string lead;
  };

  [[nodiscard]] std::string shown(const std::string& text) const {
    const std::string clean = clean_line(text);
    if (lines_ == Lines::utf8) return clean;
    constexpr std::string_view kArrow = "→";  // of explanations
    std::string ascii;
    for (std::size_t i = 0; i < clean.size(); ++i) {
      if (clean.compare(i, kArrow.size(), kArrow) == 0) {
        ascii += "->";
        i += kArrow.size() - 1;
      } else if ((clean[i] & 0x80) == 0) {
        ascii += clean[i];
      } else if ((clean[i] & 0x40) != 0) {
        ascii += '?';  // the first byte of several
      }
    }
    return ascii;
  }

  // Whether nothing is to be drawn below.
  bool line(const std::string& lead, std::string_view stroke, std::size_t node,
            const std::string& mark, bool deep = false) {
    const bool again = drawn_[node];
    text_ += lead;
    text_ += stroke;
    text_ += shown(nodes_[node].name);
    if (!mark.empty()) text_ += " [" + shown(mark) + ']';
    if (deep || again) {
      text_ += again ? kAbove : kDeeper;
    } else if (!nodes_[node].detail.empty()) {
      text_ += "  " + shown(nodes_[node].detail);
    }
    text_ += '\n';
    if (!deep) drawn_[node] = true;
    return deep || again;
  }

  const std::vector<TreeNode>& nodes_;
  const Strokes& strokes_;
  Lines lines_;
  std::vector<bool> drawn_;
  std::string text_;
};

}  // namespace

Lines lines_for(const char* lc_all, const char* lc_ctype, const char* lang) {
  std::string name;
  for (const char* value : {lc_all, lc_ctype, lang}) {
    if (value == nullptr || *value == '\0') continue;
    name = value;
    break;
  }
  std::string plain;
  for (const char c : name)
    if (c != '-') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return plain.find(".utf8") != std::string::npos ? Lines::utf8 : Lines::ascii;
}

std::string draw_tree(const std::vector<TreeNode>& nodes, const std::vector<std::size_t>& roots,
                      Lines lines) {
  Drawing drawing(nodes, lines);
  for (const std::size_t root : roots) drawing.draw(root);
  for (std::size_t i = 0; i < nodes.size(); ++i) drawing.draw(i);
  return drawing.take();
}

}  // namespace gbox::cli
