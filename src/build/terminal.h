// A command of a sandbox connected to the person (or script) who called gbox.
#pragma once

#include "gbox/sandbox/sandbox.h"
#include "gbox/sys/process.h"

namespace gbox::build {

class PolicyTrace;

// On a terminal (standard input and output both are one): the sandbox gets a terminal of its own
// and gbox copies between the two, in raw mode, following changes of size. Otherwise: standard
// input is handed on, standard output and error are copied, each to its own. Returns when every
// process of the sandbox has ended; throws Interrupted after killing it when a signal arrives.
// `trace`, if any, watches these settings: what it tells goes to standard error.
sys::ExitStatus run_connected(sandbox::Settings settings, const sandbox::Policy& policy,
                              PolicyTrace* trace = nullptr);

bool on_terminal();

}  // namespace gbox::build
