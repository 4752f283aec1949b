// Which proxy the environment asks for, and how to tell a person: http_proxy, https_proxy,
// all_proxy and no_proxy, in lower case first and in upper case. Read here rather than by libcurl,
// so that what an error says is what was done.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gbox::net {

using Variables = std::function<std::optional<std::string>(const char* name)>;

struct Proxy {
  std::string url;    // with its credentials, for libcurl; "" is none
  std::string state;  // for errors: "'https_proxy' is not set", "proxy 'http://p:3128' of …"
};

// For a request of the http or https URL `url`.
Proxy proxy_for(std::string_view url, const Variables& variable);

// Whether one of the comma-separated entries of no_proxy means this host: a domain with all below
// it, an address, a range as 10.0.0.0/8, each with ':port' or without, or '*'.
bool is_excluded(std::string_view host, std::string_view port, std::string_view no_proxy);

}  // namespace gbox::net
