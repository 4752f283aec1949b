#include "address.h"

#include "gbox/net/url.h"

namespace gbox::net {

Address split_address(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return {std::string(text), ""};
    const std::string_view rest = text.substr(end + 1);
    return {std::string(text.substr(1, end - 1)),
            std::string(rest.starts_with(':') ? rest.substr(1) : "")};
  }
  const std::size_t colon = text.find(':');
  // More than one colon is a bare IPv6 address (or a range of them).
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos)
    return {std::string(text), ""};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

Address address_of(std::string_view url) {
  Address address = split_address(shown_host(url));
  if (address.port.empty()) {
    const bool secure = url.size() > 5 && (url[4] == 's' || url[4] == 'S');
    address.port = secure ? "443" : "80";
  }
  return address;
}

std::string to_string(const Address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return (brackets ? "[" + address.host + "]" : address.host) + ":" + address.port;
}

}  // namespace gbox::net
