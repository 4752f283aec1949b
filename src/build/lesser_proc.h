// What Portage must be told where a step sees the host's /proc because it can mount none of its own
// (sys::Proc::bound). Its 'pid-sandbox' mounts one for each phase of an ebuild and gives up where
// that is refused. This is said by a file that only the sandbox sees: it is no part of a result,
// and so of no key.
#pragma once

#include "gbox/sandbox/sandbox.h"
#include "root.h"

namespace gbox::build {

// Adds to `settings.mounts`, whose root is `root`'s, what takes 'pid-sandbox' from Portage's
// FEATURES in every ROOT. Nothing where a step has a proc of its own, or no configuration of
// Portage's.
void add_lesser_proc(sandbox::Settings& settings, const StepRoot& root);

}  // namespace gbox::build
