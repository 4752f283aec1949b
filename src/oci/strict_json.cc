#include "strict_json.h"

#include <algorithm>
#include <set>

#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/oci/types.h"

namespace gbox::oci {

namespace {

// Sees every key once, in the order of the text, which the parsed value no longer shows.
class DuplicateKeyFinder : public nlohmann::json_sax<Json> {
 public:
  [[nodiscard]] const std::string& found() const { return found_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    open_.emplace_back();
    return true;
  }
  bool key(string_t& name) override {
    if (open_.back().insert(name).second) return true;
    found_ = name;
    return false;
  }
  bool end_object() override {
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  std::vector<std::set<std::string>> open_;
  std::string found_;
};

// Go's encoding/json folds ASCII case, and U+017F and U+212A to 's' and 'k'.
std::string folded(std::string_view key) {
  std::string result;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key.substr(i, 2) == "\xc5\xbf") {
      result += 's';
      i += 1;
    } else if (key.substr(i, 3) == "\xe2\x84\xaa") {
      result += 'k';
      i += 2;
    } else {
      const char c = key[i];
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return result;
}

}  // namespace

void refuse(std::string_view what, const std::string& why, std::string hint) {
  Error error("read " + std::string(what) + ": " + why, ExitCode::input);
  error.add_hint(std::move(hint));
  throw error;
}

Json parse_document(std::string_view text, std::string_view what) {
  if (text.size() > kMaxDocumentBytes) refuse(what, "larger than " + human_size(kMaxDocumentBytes));
  Json value = parse_json(text, what);  // first: it limits the depth
  DuplicateKeyFinder finder;
  if (!Json::sax_parse(text, &finder))
    refuse(what, "key " + gbox::quoted(finder.found()) + " is there twice");
  if (!value.is_object()) refuse(what, "an object is expected");
  return value;
}

void check_key_case(const Json& object, std::initializer_list<std::string_view> known,
                    std::string_view what) {
  if (!object.is_object()) refuse(what, "an object is expected");
  for (const auto& [key, value] : object.items()) {
    const std::string folded_key = folded(key);
    for (const std::string_view name : known) {
      if (key != name && folded_key == folded(name))
        refuse(what, "key " + gbox::quoted(key) + " differs from " + gbox::quoted(name) +
                         " only in case");
    }
  }
}

const Json* member_or_null(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string optional_string(const Json& object, std::string_view key, std::string_view what) {
  return member_or_null(object, key) == nullptr ? std::string() : json_string(object, key, what);
}

bool optional_bool(const Json& object, std::string_view key, std::string_view what) {
  const Json* value = member_or_null(object, key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) refuse(what, "key " + gbox::quoted(key) + " must be true or false");
  return value->get<bool>();
}

std::vector<std::string> optional_strings(const Json& object, std::string_view key,
                                          std::string_view what) {
  if (member_or_null(object, key) == nullptr) return {};
  std::vector<std::string> result;
  for (const Json& entry : array_member(object, key, kMaxListEntries, what)) {
    if (!entry.is_string()) refuse(what, "key " + gbox::quoted(key) + " must hold strings only");
    result.push_back(entry.get<std::string>());
  }
  return result;
}

const Json& array_member(const Json& object, std::string_view key, std::size_t limit,
                         std::string_view what) {
  const Json& value = json_member(object, key, what);
  if (!value.is_array()) refuse(what, "key " + gbox::quoted(key) + " must be a list");
  if (value.size() > limit)
    refuse(what, "key " + gbox::quoted(key) + " has " + std::to_string(value.size()) +
                     " entries, more than " + std::to_string(limit));
  return value;
}

const Json* optional_object(const Json& object, std::string_view key, std::string_view what) {
  const Json* value = member_or_null(object, key);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) refuse(what, "key " + gbox::quoted(key) + " must be an object");
  if (value->size() > kMaxListEntries)
    refuse(what, "key " + gbox::quoted(key) + " has " + std::to_string(value->size()) +
                     " entries, more than " + std::to_string(kMaxListEntries));
  return value;
}

}  // namespace gbox::oci
