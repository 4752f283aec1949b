// Host and port as parts of URLs and of no_proxy's entries.
#pragma once

#include <string>
#include <string_view>

namespace gbox::net {

struct Address {
  std::string host;  // an IPv6 address without its brackets
  std::string port;  // "" when not given
};

// "host", "host:8080", "[::1]:8080", "::1".
Address split_address(std::string_view text);
// Of an http or https URL; the port is the scheme's when it gives none.
Address address_of(std::string_view url);
// "host:port", with brackets where needed.
std::string to_string(const Address& address);

}  // namespace gbox::net
