// What phases, policies, secrets and caches can be called: [a-z0-9][a-z0-9._-]*, no '..'. For ids
// that come from elsewhere than a spec.
#pragma once

#include <string_view>

namespace gbox::spec {

bool is_id(std::string_view text);

}  // namespace gbox::spec
