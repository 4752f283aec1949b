// The trying itself: forks a child into namespaces of its own and does there, in miniature, what
// a build does. Leaves nothing behind.
#pragma once

#include "gbox/sys/probe_rules.h"

namespace gbox::sys {

// Where the store at `path` lies or would lie.
StoreFacts read_store_facts(const std::string& path);

// fuse-overlayfs takes its time to start, so that it is tried where it may be needed.
enum class Fuse { without_kernel, asked_for };
Deeds try_deeds(StoreFacts& store, Scope scope, Fuse fuse = Fuse::without_kernel);

}  // namespace gbox::sys
