// The parts of a spec, each read from its table into its struct. Called by read_spec only.
#pragma once

#include "context.h"
#include "gbox/spec/spec.h"
#include "table.h"

namespace gbox::spec {

Base read_base(Context& context, const toml::table& table);
std::vector<Repository> read_repositories(Context& context, Table& top);
std::vector<BinaryHost> read_binary_hosts(Context& context, Table& top);
// 'mirror': one string, or a list. Empty when absent.
std::vector<std::string> read_mirrors(Context& context, Table& table);
PortageConfig read_portage(Context& context, const toml::table& table);
// Octal permissions; absent, with the fault noted, for anything else.
std::optional<std::uint32_t> read_mode(Context& context, Table& table);
std::vector<PhaseMount> read_mounts(Context& context, Table& phase);
Phase read_phase(Context& context, const toml::table& table);
// 'trim' and 'keep_locales'; absent when the phase trims nothing.
std::optional<Trim> read_trim(Context& context, Table& table);
// 'policy', 'narrow' and 'widen'.
void read_policy(Context& context, Table& table, Phase& phase);
Limits read_limits(Context& context, const toml::table& table);
Output read_output(Context& context, const toml::table& table);

}  // namespace gbox::spec
