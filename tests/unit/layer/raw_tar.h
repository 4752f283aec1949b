// Tar archives put together byte by byte, so that tests can write what no archiver would.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace gbox::layer::test {

struct RawEntry {
  std::string name;
  char type = '0';
  std::string content;
  std::string link;
  unsigned mode = 0644;
  std::int64_t mtime = 1000;
  std::vector<std::pair<std::string, std::string>> pax;  // records of a header before it
  std::string size_field;  // instead of the octal size: as given, at most 12 bytes
  std::string uid_field;   // instead of the caller's
  std::string magic = std::string("ustar\00000", 8);
};

inline std::string octal(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value >>= 3) text[i] = static_cast<char>('0' + (value & 7));
  return text;
}

// GNU's form of numbers that octal digits cannot hold.
inline std::string base256(std::uint64_t value) {
  std::string text(12, '\0');
  for (std::size_t i = 12; i-- > 1; value >>= 8) text[i] = static_cast<char>(value & 0xff);
  text[0] = '\x80';
  return text;
}

inline std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512, '\0');
  return bytes;
}

inline std::string raw_header(const RawEntry& entry) {
  std::string block(512, '\0');
  const auto put = [&](std::size_t offset, const std::string& text, std::size_t limit) {
    std::memcpy(block.data() + offset, text.data(), std::min(text.size(), limit));
  };
  put(0, entry.name, 100);
  put(100, octal(entry.mode, 7), 7);
  put(108, entry.uid_field.empty() ? octal(::geteuid(), 7) : entry.uid_field, 8);
  put(116, octal(::getegid(), 7), 7);
  put(124, entry.size_field.empty() ? octal(entry.content.size(), 11) : entry.size_field, 12);
  put(136, octal(static_cast<std::uint64_t>(entry.mtime), 11), 11);
  put(148, "        ", 8);
  block[156] = entry.type;
  put(157, entry.link, 100);
  put(257, entry.magic, 8);
  put(329, octal(0, 7), 7);
  put(337, octal(0, 7), 7);
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6) + '\0' + ' ', 8);
  return block;
}

inline std::string pax_body(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string body;
  for (const auto& [key, value] : records) {
    const std::string rest = ' ' + key + '=' + value + '\n';
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    body += std::to_string(length) + rest;
  }
  return body;
}

inline std::string raw_entry(const RawEntry& entry) {
  std::string bytes;
  if (!entry.pax.empty()) {
    const std::string body = pax_body(entry.pax);
    bytes += raw_header({.name = "PaxHeaders/x", .type = 'x', .content = body}) + padded(body);
  }
  return bytes + raw_header(entry) + padded(entry.content);
}

inline const std::string kEndMarker(1024, '\0');

inline std::string raw_tar(const std::vector<RawEntry>& entries) {
  std::string bytes;
  for (const RawEntry& entry : entries) bytes += raw_entry(entry);
  return bytes + kEndMarker;
}

inline RawEntry dir(const std::string& name, unsigned mode = 0755) {
  return {.name = name, .type = '5', .mode = mode};
}
inline RawEntry file(const std::string& name, const std::string& content = "x") {
  return {.name = name, .content = content};
}
inline RawEntry soft_link(const std::string& name, const std::string& target) {
  return {.name = name, .type = '2', .link = target, .mode = 0777};
}
inline RawEntry hardlink(const std::string& name, const std::string& target) {
  return {.name = name, .type = '1', .link = target};
}

}  // namespace gbox::layer::test
