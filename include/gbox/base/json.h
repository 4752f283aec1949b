// JSON of files and of outside bytes (nlohmann-json), with errors that name the file and the key.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gbox {

using Json = nlohmann::json;                 // object keys sorted: one text per value
using OrderedJson = nlohmann::ordered_json;  // keeps the order in which keys were added

// Parses one document. `what` names it in errors ("'index.json'"). Depth is limited, so that
// hostile nesting cannot exhaust the stack. Throws Error (ExitCode::input).
Json parse_json(std::string_view text, std::string_view what);

// Members of an object that must exist with this type; errors name key and `what`.
const Json& json_member(const Json& object, std::string_view key, std::string_view what);
std::string json_string(const Json& object, std::string_view key, std::string_view what);
std::uint64_t json_size(const Json& object, std::string_view key, std::string_view what);
// "" when absent; a wrong type is still an error.
std::string json_string_or_empty(const Json& object, std::string_view key, std::string_view what);

// One line, keys sorted, no blanks: what keys and records are hashed from.
std::string canonical_json(const Json& value);

}  // namespace gbox
