// Docker's image manifest version 2, schema 2, as OCI's: the same documents under other names.
#pragma once

#include <string>
#include <string_view>

namespace gbox::oci {

// The OCI manifest of a docker one. Throws Error (input) for layers whose content is elsewhere.
std::string convert_docker_manifest(std::string_view text, std::string_view what);

}  // namespace gbox::oci
