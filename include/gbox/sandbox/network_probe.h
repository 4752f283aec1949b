// Whether a phase with 'network = "fetch"' can have its network on this host, found by connecting a
// network namespace that nobody needs. Called by `gbox doctor`, in the words of the other checks
// (sys/probe.h). A lack concerns such phases alone, and no level.
#pragma once

#include "gbox/sys/probe.h"

namespace gbox::sandbox {

// Outside gbox's own user namespace. Nothing is left behind. Takes as long as the helper to start,
// a few hundredths of a second; ten seconds for one that says nothing.
sys::Check probe_network();

}  // namespace gbox::sandbox
