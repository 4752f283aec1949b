// JSON rules for documents from outside, on top of base's: what two parsers could read differently
// is refused. Go's decoder, which most image tools use, takes the last of two equal keys and
// matches keys without regard to case; ours must not see another image than theirs.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/json.h"

namespace gbox::oci {

[[noreturn]] void refuse(std::string_view what, const std::string& why, std::string hint = {});

// parse_json() with a limit on the size and without duplicate keys, and an object at the top.
Json parse_document(std::string_view text, std::string_view what);

// Refuses keys that differ from a known one only in case (as Go folds it). Unknown keys are fine:
// the specification tells readers to pass over them.
void check_key_case(const Json& object, std::initializer_list<std::string_view> known,
                    std::string_view what);

// The member, or nullptr when it is absent or null (Go writes null for empty lists and maps).
const Json* member_or_null(const Json& object, std::string_view key);
// Optional members: absent and null give an empty value, another type is refused.
std::string optional_string(const Json& object, std::string_view key, std::string_view what);
bool optional_bool(const Json& object, std::string_view key, std::string_view what);
std::vector<std::string> optional_strings(const Json& object, std::string_view key,
                                          std::string_view what);
// The member, which must be an array of at most `limit` entries.
const Json& array_member(const Json& object, std::string_view key, std::size_t limit,
                         std::string_view what);
// The member, which must be an object of at most kMaxListEntries members; nullptr when absent.
const Json* optional_object(const Json& object, std::string_view key, std::string_view what);

}  // namespace gbox::oci
