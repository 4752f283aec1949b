// What registries take for the parts of an image's name (distribution spec, "Pulling manifests").
// Pure text.
#pragma once

#include <string_view>

namespace gbox::oci {

bool is_upper(char c);
bool is_alnum(char c);
// "[a-z0-9]+", joined by one '.', one or two '_', or any number of '-'.
bool is_name_component(std::string_view text);
bool is_tag(std::string_view text);
// Whether the first component of a name is a registry's host: "localhost", or with '.' or ':'.
bool is_domain(std::string_view component);

}  // namespace gbox::oci
