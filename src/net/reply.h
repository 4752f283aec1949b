// What a server said before the body: status and the few fields that decide what the body is.
// Fed line by line; pure text.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gbox::net {

struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
};
// Of "bytes 100-199/200" and "bytes 100-199/*"; nullopt for anything else.
std::optional<ContentRange> parse_content_range(std::string_view value);

struct Reply {
  int status = 0;  // 0 until a status line has come
  std::optional<std::uint64_t> content_length;
  std::optional<ContentRange> content_range;
  std::string content_type;         // without parameters
  std::string etag;                 // only a strong one: a weak one does not promise equal bytes
  std::optional<std::time_t> date;  // as a cache gives it, its age added
  std::optional<std::time_t> last_modified;
  std::optional<std::uint64_t> retry_after_s;
  // All fields in the order they came, names in lower case.
  std::vector<std::pair<std::string, std::string>> fields;

  // One line of the head. A new status line (behind '100 Continue') forgets what came before.
  void take(std::string_view line);

 private:
  std::uint64_t age_ = 0;
};

}  // namespace gbox::net
