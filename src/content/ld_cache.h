// /etc/ld.so.cache as glibc's ldconfig(8) writes it since 2.2 ('glibc-ld.so.cache1.1', alone or
// behind the older format): names of libraries and where they are. An image's bytes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::content {

constexpr std::size_t kMaxCacheBytes = 64u << 20;

// Library → its files, in the cache's order; those for processors with extras ('glibc-hwcaps') are
// left out, as not every processor has them. Empty for what is no such cache.
std::map<std::string, std::vector<std::string>> parse_ld_cache(std::string_view bytes);

}  // namespace gbox::content
