#include "proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "address.h"
#include "gbox/base/text.h"
#include "gbox/net/url.h"

namespace gbox::net {

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return result;
}

// The bytes of an IPv4 or IPv6 address; empty when it is none.
std::string address_bytes(const std::string& text) {
  std::array<char, sizeof(in6_addr)> raw{};
  if (::inet_pton(AF_INET, text.c_str(), raw.data()) == 1) return {raw.data(), sizeof(in_addr)};
  if (::inet_pton(AF_INET6, text.c_str(), raw.data()) == 1) return {raw.data(), raw.size()};
  return {};
}

bool in_range(const std::string& host, std::string_view range) {
  const std::size_t slash = range.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string network = address_bytes(std::string(range.substr(0, slash)));
  const std::string address = address_bytes(host);
  const auto prefix = whole_number<unsigned>(range.substr(slash + 1));
  if (!prefix || network.empty() || network.size() != address.size() ||
      *prefix > 8 * network.size())
    return false;
  unsigned bits = *prefix;
  for (std::size_t i = 0; bits > 0; ++i) {
    const unsigned here = std::min(bits, 8u);
    const auto differs = static_cast<unsigned char>(network[i] ^ address[i]);
    if ((differs >> (8 - here)) != 0) return false;
    bits -= here;
  }
  return true;
}

// A variable in lower case, else in upper case; what is empty counts as unset, as everywhere.
struct Found {
  std::string name;
  std::string value;
};
std::optional<Found> find(const std::string& name, const Variables& variable) {
  for (const std::string& spelled : {name, upper(name)})
    if (const auto value = variable(spelled.c_str()); value && !value->empty())
      return Found{spelled, *value};
  return std::nullopt;
}

// Why there is none: a variable that is set but empty is a likely slip and is told.
std::string absence(const std::string& name, const Variables& variable) {
  const auto said = [&](const std::string& spelled) {
    return quoted(spelled) + (variable(spelled.c_str()) ? " is set but empty" : " is not set");
  };
  const bool any = variable(name.c_str()) || variable(upper(name).c_str());
  return any ? said(name) + ", " + said(upper(name)) : said(name);
}

}  // namespace

bool is_excluded(std::string_view host, std::string_view port, std::string_view no_proxy) {
  const std::string name = lower(host);
  std::string entries(no_proxy);
  std::replace(entries.begin(), entries.end(), ',', ' ');
  for (const std::string& word : split_words(entries)) {
    if (word == "*") return true;
    Address entry = split_address(lower(word));
    if (!entry.port.empty() && entry.port != port) continue;
    if (entry.host.starts_with('.')) entry.host.erase(0, 1);
    if (entry.host.empty()) continue;
    if (name == entry.host || name.ends_with("." + entry.host)) return true;
    if (in_range(name, entry.host)) return true;
  }
  return false;
}

Proxy proxy_for(std::string_view url, const Variables& variable) {
  const bool secure = lower(url.substr(0, 6)) == "https:";
  const std::string own = secure ? "https_proxy" : "http_proxy";
  std::optional<Found> found = find(own, variable);
  if (!found) found = find("all_proxy", variable);
  Proxy proxy;
  if (!found) {
    proxy.state = absence(own, variable);
    return proxy;
  }
  if (found->value.find("://") == std::string::npos) found->value.insert(0, "http://");
  const std::string shown = quoted(shown_url(found->value));
  const Address address = address_of(url);
  const auto no_proxy = find("no_proxy", variable);
  if (no_proxy && is_excluded(address.host, address.port, no_proxy->value)) {
    proxy.state = quoted(no_proxy->name) + " keeps it from the proxy " + shown;
    return proxy;
  }
  proxy.url = found->value;
  proxy.state = "proxy " + shown + " of " + quoted(found->name);
  return proxy;
}

}  // namespace gbox::net
