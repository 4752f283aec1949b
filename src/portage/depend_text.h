// The bracketed texts of ebuild metadata: LICENSE and REQUIRED_USE (PMS 8.2), as a tree that can
// be asked. Pure; depth and size are limited.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::portage {

struct DependNode {
  enum class Kind { all, any, one, at_most_one, condition, word };
  Kind kind = Kind::all;
  std::string word;      // of `word` and, without '?' and '!', of `condition`
  bool negated = false;  // "!flag" and "!flag? ( … )"
  std::vector<DependNode> children;
};

// nullopt when the brackets do not match or nest too deeply.
std::optional<DependNode> parse_depend(std::string_view text);

// The node as an ebuild writes it: "^^ ( a b )".
std::string to_text(const DependNode& node);

using HasFlag = std::function<bool(const std::string&)>;

// Whether REQUIRED_USE holds for these flags; the first clause of the top level that does not.
const DependNode* unmet_clause(const DependNode& required, const HasFlag& has_flag);

// The licences that stand in the way: none when the text can be met by accepted ones. Of a choice
// that cannot be met, every alternative. Sorted, no doubles.
std::vector<std::string> missing_licenses(
    const DependNode& license, const HasFlag& has_flag,
    const std::function<bool(const std::string&)>& is_accepted);

// Every word in it, whatever the flags.
std::vector<std::string> words_of(const DependNode& node);

}  // namespace gbox::portage
