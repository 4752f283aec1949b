// The trying itself: forks a child into namespaces of its own and does there, in miniature, what
// a build does. Leaves nothing behind.
#pragma once

#include "gbox/sys/probe_rules.h"

namespace gbox::sys {

// Where the store at `path` lies or would lie.
StoreFacts read_store_facts(const std::string& path);

// `identity_ok`: whether ids can be mapped at all (judge_identity had nothing to say); without
// that only the bare user namespace is tried.
enum class IdentityOk { no, yes };
Deeds try_deeds(StoreFacts& store, IdentityOk identity, Scope scope);

}  // namespace gbox::sys
