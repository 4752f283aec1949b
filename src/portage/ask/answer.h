// Reading the helper's JSON: each member has a type, a rule for its text and a limit on its length
// or count, and every refusal names the place. Used by parse_json.cc only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/json.h"
#include "gbox/portage/emerge_plan.h"

namespace gbox::portage::ask {

constexpr std::size_t kMaxWordBytes = 4096;         // a URL, a mask, an atom with its USE flags
constexpr std::size_t kMaxWords = 20'000;           // flags, eclasses, URIs of one package
constexpr std::size_t kMaxNeeds = 20'000;           // @world needs every package
constexpr std::size_t kMaxVariables = 4'000;        // of one package's environment
constexpr std::size_t kMaxValueBytes = 128u << 10;  // what execve() takes as one string
constexpr std::size_t kMaxFiles = 4'000;            // eclasses, scripts, patches of one package

// Rules: what a text may be. Empty texts fail all but `maybe` ones.
using Rule = bool (*)(std::string_view);
bool is_text(std::string_view text);  // no control characters, not too long
bool is_text_or_empty(std::string_view text);
bool is_cpv(std::string_view text);
bool is_slot_or_empty(std::string_view text);
bool is_repository_or_empty(std::string_view text);
bool is_use_flag(std::string_view text);
bool is_variable_name(std::string_view text);     // of USE_EXPAND
bool is_environment_name(std::string_view text);  // of a shell
bool is_environment_value(std::string_view text);
bool is_eclass_name(std::string_view text);
bool is_file_path(std::string_view text);  // absolute, normalized
bool is_root(std::string_view text);
bool is_number_or_empty(std::string_view text);
bool is_distfile_name(std::string_view text);
bool is_relative_path_or_empty(std::string_view text);
bool is_fetchable(std::string_view url);  // http or https: never a path or file of this host

// One object of the answer. Borrowed: the document outlives it.
class Entry {
 public:
  Entry(const Json& object, std::string what);

  [[nodiscard]] const std::string& what() const { return what_; }
  [[nodiscard]] bool has(std::string_view key) const { return object_.contains(key); }
  [[nodiscard]] std::string text(std::string_view key, Rule rule) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key, Rule rule) const;
  // An object of texts; `limit` is on their number.
  [[nodiscard]] std::map<std::string, std::string> map(std::string_view key, std::size_t limit,
                                                       Rule name, Rule value) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  // Absent and null give nullopt.
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key, std::uint64_t limit) const;
  // The index of the word among `words`.
  [[nodiscard]] std::size_t one_of(std::string_view key,
                                   std::initializer_list<std::string_view> words) const;
  // Each entry of a list, by number.
  void each(std::string_view key, std::size_t limit,
            const std::function<void(const Json& value, const std::string& what)>& action) const;
  [[nodiscard]] const Json& object(std::string_view key) const;
  // A value of another type than expected, or against its rule.
  [[noreturn]] void refuse(std::string_view key, const std::string& why) const;

 private:
  const Json& object_;
  std::string what_;
};

}  // namespace gbox::portage::ask
