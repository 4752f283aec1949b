#include "gbox/net/url.h"

#include <algorithm>
#include <cctype>

#include "gbox/base/error.h"
#include "gbox/base/text.h"

namespace gbox::net {

namespace {

constexpr std::string_view kFile = "file://";
constexpr std::string_view kHex = "0123456789ABCDEF";

// "https", "http", "file" in lower case; "" when the text does not begin like a URL.
std::string scheme_of(std::string_view url) {
  const std::size_t end = url.find("://");
  if (end == std::string_view::npos) return "";
  std::string scheme(url.substr(0, end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return scheme;
}

std::string_view authority_of(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return {};
  url.remove_prefix(begin + 3);
  return url.substr(0, url.find_first_of("/?#"));
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      plain += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// RFC 3986's unreserved and what a path may hold besides; ':' and '@' mean nothing behind a '/'.
bool is_path_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("-._~!$&'()*+,;=:@/").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::string> local_path(std::string_view url) {
  if (url.starts_with('/')) return std::string(url);
  if (scheme_of(url) != "file") return std::nullopt;
  const std::string_view host = authority_of(url);
  if (!host.empty() && host != "localhost") return std::nullopt;
  const std::string path = unescaped(url.substr(kFile.size() + host.size()));
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) return std::nullopt;
  return path;
}

void check_url(std::string_view url, std::string_view what) {
  const auto refuse = [&](std::string_view why) {
    throw Error(std::string(what) + ": " + quoted(shown_url(url)) + " " + std::string(why),
                ExitCode::usage);
  };
  if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
    refuse("has a blank or control character in it");
  if (url.starts_with('/')) return;
  const std::string scheme = scheme_of(url);
  if (scheme == "file") {
    if (!local_path(url)) refuse("names a file of another host; 'file:///…' is one of this");
    return;
  }
  if (scheme != "http" && scheme != "https")
    refuse("is no http, https or file URL and no absolute path");
  if (shown_host(url).empty()) refuse("has no host");
}

std::string join_url(std::string_view base, std::string_view path) {
  while (base.size() > 1 && base.ends_with('/')) base.remove_suffix(1);
  while (path.starts_with('/')) path.remove_prefix(1);
  std::string joined(base);
  if (!joined.ends_with('/')) joined += '/';
  if (base.starts_with('/')) return joined + std::string(path);
  for (const char c : path) {
    if (is_path_character(c)) {
      joined += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      joined += '%';
      joined += kHex[byte >> 4];
      joined += kHex[byte & 15];
    }
  }
  return joined;
}

std::string without_credentials(std::string_view url) {
  const std::string_view authority = authority_of(url);
  if (url.starts_with('/') || authority.data() == nullptr) return std::string(url);
  const auto begin = static_cast<std::size_t>(authority.data() - url.data());
  return std::string(url.substr(0, begin)) +
         std::string(authority.substr(authority.rfind('@') + 1)) +
         std::string(url.substr(begin + authority.size()));
}

std::string shown_url(std::string_view url) {
  if (url.starts_with('/')) return std::string(url);
  const std::string plain = without_credentials(url);
  return plain.substr(0, plain.find_first_of("?#"));  // a query may hold a token
}

std::string shown_host(std::string_view url) {
  if (url.starts_with('/') || scheme_of(url) == "file") return local_path(url).value_or("");
  const std::string_view authority = authority_of(url);
  return std::string(authority.substr(authority.rfind('@') + 1));
}

}  // namespace gbox::net
