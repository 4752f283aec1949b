// The parts of a spec, each read from its table into its struct. Called by read_spec only.
#pragma once

#include "context.h"
#include "gbox/spec/spec.h"

namespace gbox::spec {

PortageConfig read_portage(Context& context, const toml::table& table);
Phase read_phase(Context& context, const toml::table& table);
Output read_output(Context& context, const toml::table& table);

}  // namespace gbox::spec
