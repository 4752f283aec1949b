#include "answer.h"

#include <algorithm>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/portage/version.h"

namespace gbox::portage::ask {

namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// No component of it leaves the directory it is below.
bool has_plain_components(std::string_view path) {
  for (const std::string& component : split(path, '/'))
    if (component.empty() || component == "." || component == "..") return false;
  return true;
}

}  // namespace

bool is_text_or_empty(std::string_view text) {
  return text.size() <= kMaxWordBytes && std::none_of(text.begin(), text.end(), is_control);
}

bool is_text(std::string_view text) {
  return !text.empty() && is_text_or_empty(text);
}

bool is_cpv(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && text.size() <= 255 &&
         is_category_name(text.substr(0, slash)) &&
         split_name_version(text.substr(slash + 1)).has_value();
}

bool is_slot_or_empty(std::string_view text) {
  return text.empty() || (text.size() <= 255 && is_slot_name(text));
}

bool is_repository_or_empty(std::string_view text) {
  // Portage's own word for an installed package whose repository is not known.
  return text.empty() || text == "__unknown__" || (text.size() <= 255 && is_repository_name(text));
}

bool is_use_flag(std::string_view text) {
  return text.size() <= 255 && is_use_flag_name(text);
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
  });
}

bool is_environment_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && !is_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
         });
}

bool is_environment_value(std::string_view text) {
  // Lists in make.conf span lines.
  return text.size() <= kMaxValueBytes && text.find('\0') == std::string_view::npos;
}

bool is_eclass_name(std::string_view text) {
  // PMS 3.1.6.
  return !text.empty() && text.size() <= 251 && !is_digit(text.front()) && text.front() != '-' &&
         text.front() != '.' && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' ||
                  c == '-' || c == '.';
         });
}

bool is_file_path(std::string_view text) {
  return is_text(text) && text.front() == '/' && has_plain_components(text.substr(1));
}

bool is_root(std::string_view text) {
  if (!is_text(text) || text.front() != '/') return false;
  while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
  return text == "/" || has_plain_components(text.substr(1));
}

bool is_number_or_empty(std::string_view text) {
  return text.size() <= 20 && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_distfile_name(std::string_view text) {
  // Hidden names are for partial and lock files. SRC_URI is split at blanks: none are in a name.
  return is_text(text) && text.size() <= 255 && text.front() != '.' &&
         text.find_first_of("/ \t") == std::string_view::npos;
}

bool is_relative_path_or_empty(std::string_view text) {
  return text.empty() || (is_text(text) && has_plain_components(text));
}

bool is_fetchable(std::string_view url) {
  return is_text(url) && (url.starts_with("https://") || url.starts_with("http://")) &&
         url.find(' ') == std::string_view::npos;
}

Entry::Entry(const Json& object, std::string what) : object_(object), what_(std::move(what)) {
  if (!object.is_object()) throw Error("read " + what_ + ": an object is expected", ExitCode::plan);
}

void Entry::refuse(std::string_view key, const std::string& why) const {
  throw Error("read " + what_ + ": " + quoted(key) + ": " + why, ExitCode::plan);
}

const Json& Entry::object(std::string_view key) const {
  const auto found = object_.find(key);
  if (found == object_.end()) refuse(key, "it is missing");
  return *found;
}

std::string Entry::text(std::string_view key, Rule rule) const {
  const Json& value = object(key);
  if (!value.is_string()) refuse(key, "a string is expected");
  const std::string& result = value.get_ref<const std::string&>();
  if (!rule(result)) refuse(key, quoted(result.substr(0, 200)) + " cannot be one");
  return result;
}

std::vector<std::string> Entry::texts(std::string_view key, Rule rule) const {
  std::vector<std::string> result;
  each(key, kMaxWords, [&](const Json& value, const std::string&) {
    if (!value.is_string()) refuse(key, "strings are expected");
    const std::string& text = value.get_ref<const std::string&>();
    if (!rule(text)) refuse(key, quoted(text.substr(0, 200)) + " cannot be one");
    result.push_back(text);
  });
  return result;
}

std::map<std::string, std::string> Entry::map(std::string_view key, std::size_t limit, Rule name,
                                              Rule value) const {
  const Json& object_of_texts = object(key);
  if (!object_of_texts.is_object()) refuse(key, "an object is expected");
  if (object_of_texts.size() > limit)
    refuse(key,
           std::to_string(object_of_texts.size()) + " entries, more than " + std::to_string(limit));
  std::map<std::string, std::string> result;
  for (const auto& [member, text] : object_of_texts.items()) {
    if (!name(member)) refuse(key, quoted(member.substr(0, 200)) + " cannot be a name in it");
    if (!text.is_string()) refuse(key, "strings are expected");
    const std::string& content = text.get_ref<const std::string&>();
    if (!value(content))
      refuse(key, quoted(content.substr(0, 200)) + " cannot be " + quoted(member));
    result.emplace(member, content);
  }
  return result;
}

bool Entry::flag(std::string_view key) const {
  const Json& value = object(key);
  if (!value.is_boolean()) refuse(key, "true or false is expected");
  return value.get<bool>();
}

std::optional<std::uint64_t> Entry::size(std::string_view key, std::uint64_t limit) const {
  const auto found = object_.find(key);
  if (found == object_.end() || found->is_null()) return std::nullopt;
  if (!found->is_number_unsigned()) refuse(key, "a size is expected");
  const auto result = found->get<std::uint64_t>();
  if (result > limit) refuse(key, std::to_string(result) + " is more than " + human_size(limit));
  return result;
}

std::size_t Entry::one_of(std::string_view key,
                          std::initializer_list<std::string_view> words) const {
  const std::string word = text(key, is_text);
  const auto* const found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) refuse(key, quoted(word) + " is none of its words");
  return static_cast<std::size_t>(found - words.begin());
}

void Entry::each(
    std::string_view key, std::size_t limit,
    const std::function<void(const Json& value, const std::string& what)>& action) const {
  const Json& list = object(key);
  if (!list.is_array()) refuse(key, "a list is expected");
  if (list.size() > limit)
    refuse(key, std::to_string(list.size()) + " entries, more than " + std::to_string(limit));
  std::size_t number = 0;
  for (const Json& value : list)
    action(value, what_ + ", " + std::string(key) + ' ' + std::to_string(++number));
}

}  // namespace gbox::portage::ask
