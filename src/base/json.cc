#include "gbox/base/json.h"

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox {

namespace {

constexpr int kMaxDepth = 64;  // OCI and our own files need fewer than ten

[[noreturn]] void refuse(std::string_view what, const std::string& why) {
  throw Error("read " + std::string(what) + ": " + why, ExitCode::input);
}

}  // namespace

Json parse_json(std::string_view text, std::string_view what) {
  bool too_deep = false;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) too_deep = true;
    return !too_deep;
  };
  try {
    Json value = Json::parse(text, limit_depth);
    if (too_deep) refuse(what, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    return value;
  } catch (const Json::parse_error& error) {
    if (too_deep) refuse(what, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    refuse(what, "not valid json at byte " + std::to_string(error.byte));
  } catch (const Json::out_of_range&) {
    refuse(what, "it holds a number that is too large");  // "1e999"
  }
}

const Json& json_member(const Json& object, std::string_view key, std::string_view what) {
  if (!object.is_object()) refuse(what, "an object is expected");
  const auto found = object.find(key);
  if (found == object.end()) refuse(what, "key " + quoted(key) + " is missing");
  return *found;
}

std::string json_string(const Json& object, std::string_view key, std::string_view what) {
  const Json& value = json_member(object, key, what);
  if (!value.is_string()) refuse(what, "key " + quoted(key) + " must be a string");
  return value.get<std::string>();
}

std::uint64_t json_size(const Json& object, std::string_view key, std::string_view what) {
  const Json& value = json_member(object, key, what);
  if (!value.is_number_unsigned())
    refuse(what, "key " + quoted(key) + " must be a whole number that is not negative");
  return value.get<std::uint64_t>();
}

std::string json_string_or_empty(const Json& object, std::string_view key, std::string_view what) {
  if (object.is_object() && !object.contains(key)) return {};
  return json_string(object, key, what);
}

std::string canonical_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gbox
