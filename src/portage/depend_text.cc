#include "depend_text.h"

#include <algorithm>
#include <set>

#include "gbox/base/text.h"

namespace gbox::portage {

namespace {

using Kind = DependNode::Kind;

constexpr unsigned kMaxDependDepth = 50;

// Reads words up to the bracket that closes this group; false when the text is broken.
bool parse_group(const std::vector<std::string>& words, std::size_t& at, unsigned depth,
                 DependNode& group) {
  if (depth > kMaxDependDepth) return false;
  while (at < words.size()) {
    const std::string& word = words[at++];
    if (word == ")") return depth > 0;
    DependNode node;
    if (word == "(") {
      node.kind = Kind::all;
    } else if (word == "||") {
      node.kind = Kind::any;
    } else if (word == "^^") {
      node.kind = Kind::one;
    } else if (word == "??") {
      node.kind = Kind::at_most_one;
    } else {
      node.kind = word.ends_with('?') ? Kind::condition : Kind::word;
      node.word = word;
      if (node.kind == Kind::condition) node.word.pop_back();
      if (node.word.starts_with('!')) {
        node.negated = true;
        node.word.erase(0, 1);
      }
    }
    if (node.kind != Kind::word) {
      if (word != "(" && (at >= words.size() || words[at++] != "(")) return false;
      if (!parse_group(words, at, depth + 1, node)) return false;
    }
    group.children.push_back(std::move(node));
  }
  return depth == 0;
}

bool holds(const DependNode& node, const HasFlag& has_flag);

// A child whose condition is off does not count, neither as met nor as unmet.
std::size_t count_met(const DependNode& node, const HasFlag& has_flag, std::size_t& counted) {
  std::size_t met = 0;
  for (const DependNode& child : node.children) {
    if (child.kind == Kind::condition && has_flag(child.word) == child.negated) continue;
    ++counted;
    if (holds(child, has_flag)) ++met;
  }
  return met;
}

bool holds(const DependNode& node, const HasFlag& has_flag) {
  std::size_t counted = 0;
  switch (node.kind) {
    case Kind::word:
      return has_flag(node.word) != node.negated;
    case Kind::condition:
      if (has_flag(node.word) == node.negated) return true;
      [[fallthrough]];
    case Kind::all:
      return std::all_of(node.children.begin(), node.children.end(),
                         [&](const DependNode& child) { return holds(child, has_flag); });
    case Kind::any: {
      const std::size_t met = count_met(node, has_flag, counted);
      return met > 0 || counted == 0;
    }
    case Kind::one: {
      const std::size_t met = count_met(node, has_flag, counted);
      return met == 1 || counted == 0;
    }
    case Kind::at_most_one:
      return count_met(node, has_flag, counted) <= 1;
  }
  return true;
}

void add_missing(const DependNode& node, const HasFlag& has_flag,
                 const std::function<bool(const std::string&)>& is_accepted,
                 std::set<std::string>& missing) {
  switch (node.kind) {
    case Kind::word:
      if (!is_accepted(node.word)) missing.insert(node.word);
      return;
    case Kind::condition:
      if (has_flag(node.word) == node.negated) return;
      break;
    case Kind::any: {
      std::set<std::string> all;
      for (const DependNode& child : node.children) {
        if (child.kind == Kind::condition && has_flag(child.word) == child.negated) continue;
        std::set<std::string> one;
        add_missing(child, has_flag, is_accepted, one);
        if (one.empty()) return;
        all.merge(one);
      }
      missing.merge(all);
      return;
    }
    default:
      break;
  }
  for (const DependNode& child : node.children) add_missing(child, has_flag, is_accepted, missing);
}

void add_words(const DependNode& node, std::set<std::string>& words) {
  if (node.kind == Kind::word) words.insert(node.word);
  for (const DependNode& child : node.children) add_words(child, words);
}

}  // namespace

std::optional<DependNode> parse_depend(std::string_view text) {
  DependNode root;
  std::size_t at = 0;
  if (!parse_group(split_words(text), at, 0, root)) return std::nullopt;
  return root;
}

std::string to_text(const DependNode& node) {
  if (node.kind == Kind::word) return (node.negated ? "!" : "") + node.word;
  std::string text;
  if (node.kind == Kind::any) text = "|| ";
  if (node.kind == Kind::one) text = "^^ ";
  if (node.kind == Kind::at_most_one) text = "?? ";
  if (node.kind == Kind::condition) text = (node.negated ? "!" : "") + node.word + "? ";
  text += "( ";
  for (const DependNode& child : node.children) text += to_text(child) + ' ';
  return text + ')';
}

const DependNode* unmet_clause(const DependNode& required, const HasFlag& has_flag) {
  for (const DependNode& clause : required.children)
    if (!holds(clause, has_flag)) return &clause;
  return nullptr;
}

std::vector<std::string> missing_licenses(
    const DependNode& license, const HasFlag& has_flag,
    const std::function<bool(const std::string&)>& is_accepted) {
  std::set<std::string> missing;
  add_missing(license, has_flag, is_accepted, missing);
  return {missing.begin(), missing.end()};
}

std::vector<std::string> words_of(const DependNode& node) {
  std::set<std::string> words;
  add_words(node, words);
  return {words.begin(), words.end()};
}

}  // namespace gbox::portage
