#include "names.h"

#include <algorithm>

#include "gbox/base/digest.h"
#include "gbox/base/error.h"
#include "gbox/base/text.h"
#include "gbox/store/store.h"

namespace gbox::store {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kLogEnding = ".log";

bool is_hex(std::string_view text, std::size_t length) {
  return text.size() == length && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '+' || c == '-';
}

}  // namespace

std::string encode_name(std::string_view name) {
  std::string encoded;
  for (const char c : name) {
    // No leading dot, which would hide the file or climb; no empty name below.
    if (is_plain(c) && !(c == '.' && encoded.empty())) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHexDigits[byte >> 4];
    encoded += kHexDigits[byte & 15];
  }
  if (encoded.empty()) return "%~";
  if (encoded.size() <= kMaxEncodedName) return encoded;
  // "%~" is no escape, so a cut name equals no other one, and SHA-256 tells cut ones apart.
  const std::string digest = sha256(name).hex();
  return encoded.substr(0, kMaxEncodedName - 2 - digest.size()) + "%~" + digest;
}

bool is_key(std::string_view text) {
  return is_hex(text, kKeyLength);
}

bool is_snapshot_id(std::string_view text) {
  return is_hex(text, kSnapshotIdLength);
}

bool is_log_name(std::string_view text) {
  return text.size() > kLogEnding.size() && text.size() <= 255 && text.ends_with(kLogEnding) &&
         text.front() != '.' && std::all_of(text.begin(), text.end(), [](char c) {
           return is_plain(c) || c == '%' || c == '~';
         });
}

// Beside package.json, and never taken for it or for a temporary file of it.
bool is_package_file(std::string_view text) {
  return !text.empty() && text.size() <= 255 && text.front() != '.' &&
         !text.starts_with(kPackageFacts) && text.find('/') == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

void require_key(std::string_view text) {
  if (!is_key(text)) throw Error("internal error: " + quoted(text) + " is no key");
}

void require_snapshot_id(std::string_view text) {
  if (!is_snapshot_id(text)) throw Error("internal error: " + quoted(text) + " is no snapshot");
}

}  // namespace gbox::store
