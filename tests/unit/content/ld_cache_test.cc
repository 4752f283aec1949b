#include "ld_cache.h"

#include <doctest/doctest.h>

#include <cstdint>

using namespace gbox::content;

namespace {

std::string number(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

struct Entry {
  std::string name;
  std::string path;
  std::uint32_t extras = 0;
};

std::string cache(const std::vector<Entry>& entries) {
  std::string strings;
  std::string table;
  const std::size_t start = 48 + entries.size() * 24;
  for (const Entry& entry : entries) {
    const auto place = [&](const std::string& text) {
      const std::size_t at = start + strings.size();
      strings += text + '\0';
      return number(static_cast<std::uint32_t>(at));
    };
    table += number(0x303);
    table += place(entry.name);
    table += place(entry.path);
    table += number(0) + number(0) + number(entry.extras);
  }
  return "glibc-ld.so.cache1.1" + number(static_cast<std::uint32_t>(entries.size())) +
         number(static_cast<std::uint32_t>(strings.size())) + std::string(20, '\0') + table +
         strings;
}

}  // namespace

TEST_CASE("the loader's cache tells where libraries are") {
  const std::string bytes = cache({{"libz.so.1", "/usr/lib64/libz.so.1"},
                                   {"libz.so.1", "/usr/lib/libz.so.1"},
                                   {"libfast.so", "/usr/lib64/v3/libfast.so", 1u << 30},
                                   {"libodd.so", "relative/libodd.so"}});
  const auto libraries = parse_ld_cache(bytes);
  REQUIRE(libraries.size() == 1);
  CHECK(libraries.at("libz.so.1") ==
        std::vector<std::string>{"/usr/lib64/libz.so.1", "/usr/lib/libz.so.1"});
  // Behind the format of old, at a multiple of 8.
  const std::string old = std::string("ld.so-1.7.0\0", 12) + number(1) + std::string(12, 'x');
  CHECK(parse_ld_cache(old + std::string(4, '\0') + bytes) == libraries);
}

TEST_CASE("a cache that is cut, or lies about its size, is none") {
  const std::string whole = cache({{"libz.so.1", "/usr/lib64/libz.so.1"}});
  CHECK(parse_ld_cache("").empty());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(parse_ld_cache(whole.substr(0, size)).empty());
  for (std::size_t at = 20; at < 28; ++at) {
    std::string damaged = whole;
    damaged[at] = '\xff';
    (void)parse_ld_cache(damaged);
  }
}
