// The trying itself: forks a child into namespaces of its own and does there, in miniature, what
// a build does. Leaves nothing behind.
#pragma once

#include "gbox/sys/probe_rules.h"

namespace gbox::sys {

// Where the store at `path` lies or would lie.
StoreFacts read_store_facts(const std::string& path);

Deeds try_deeds(StoreFacts& store, Scope scope);

}  // namespace gbox::sys
