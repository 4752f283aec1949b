#include "reply.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>

#include "gbox/base/text.h"

namespace gbox::net {

namespace {

std::optional<std::time_t> time_of(std::string_view text) {
  const std::time_t time = ::curl_getdate(std::string(text).c_str(), nullptr);
  return time == -1 ? std::nullopt : std::optional(time);
}

bool is_name(std::string_view given, std::string_view name) {
  return std::equal(given.begin(), given.end(), name.begin(), name.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view value) {
  if (!value.starts_with("bytes ")) return std::nullopt;
  value.remove_prefix(6);
  const std::size_t dash = value.find('-');
  const std::size_t slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto first = whole_number<std::uint64_t>(trim(value.substr(0, dash)));
  if (!first) return std::nullopt;
  const std::string_view total = trim(value.substr(slash + 1));
  if (total == "*") return ContentRange{*first, std::nullopt};
  const auto size = whole_number<std::uint64_t>(total);
  if (!size) return std::nullopt;
  return ContentRange{*first, size};
}

void Reply::take(std::string_view line) {
  line = trim(line);
  if (line.starts_with("HTTP/")) {
    *this = Reply();
    const std::size_t blank = line.find(' ');
    if (blank != std::string_view::npos)
      status = static_cast<int>(whole_number<std::uint64_t>(line.substr(blank + 1, 3)).value_or(0));
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  fields.emplace_back(std::move(lower), value);
  if (is_name(name, "content-length")) content_length = whole_number<std::uint64_t>(value);
  if (is_name(name, "content-range")) content_range = parse_content_range(value);
  if (is_name(name, "content-type")) content_type = trim(value.substr(0, value.find(';')));
  if (is_name(name, "etag") && value.starts_with('"')) etag = value;
  if (is_name(name, "last-modified")) last_modified = time_of(value);
  if (is_name(name, "retry-after")) retry_after_s = whole_number<std::uint64_t>(value);
  if (is_name(name, "date"))
    if ((date = time_of(value))) *date += static_cast<std::time_t>(age_);
  if (is_name(name, "age")) {
    age_ = std::min<std::uint64_t>(whole_number<std::uint64_t>(value).value_or(0),
                                   std::uint64_t{100} * 365 * 86400);
    if (date) *date += static_cast<std::time_t>(age_);
  }
}

}  // namespace gbox::net
