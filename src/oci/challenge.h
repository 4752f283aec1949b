// WWW-Authenticate: how a server wants to be convinced (RFC 9110, 11.6.1). Pure text, outside.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gbox::oci {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case
  // The parameter, or "".
  [[nodiscard]] std::string get(const std::string& name) const;
};

// All challenges of one field. What cannot be read ends it: what came before stays.
std::vector<Challenge> parse_challenges(std::string_view value);

}  // namespace gbox::oci
