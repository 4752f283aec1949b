// Which texts may become file names in the store. Everything read back from a file or handed in by
// a caller passes through here before it is put behind a slash.
#pragma once

#include <string>
#include <string_view>

namespace gbox::store {

constexpr std::size_t kKeyLength = 64;         // hex of SHA-256
constexpr std::size_t kSnapshotIdLength = 16;  // short: overlay's option string names many
constexpr std::string_view kPackageFacts = "package.json";
constexpr std::size_t kMaxEncodedName = 180;  // leaves room for the endings of log names

bool is_key(std::string_view text);
bool is_snapshot_id(std::string_view text);
bool is_log_name(std::string_view text);
bool is_package_file(std::string_view text);

// Throws Error ('internal error …'): a caller's bug, not a person's.
void require_key(std::string_view text);
void require_snapshot_id(std::string_view text);

}  // namespace gbox::store
