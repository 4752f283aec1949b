// SIGINT, SIGTERM and SIGHUP as a request that long work checks for and unwinds on, so that
// temporary directories are removed and running steps are killed on the way out.
#pragma once

namespace gbox::sys {

// Installs the handlers; call once in main. A second signal of the same kind ends the process at
// once, for a person who has lost patience; the store survives that as it survives kill -9.
void install_interrupt_handlers();

// Throws Interrupted when a signal has arrived. Cheap: one atomic load.
void check_interrupt();

// What the signal asked for is being done: check_interrupt() passes again, for the little that is
// left to do. The next signal counts as any other. interrupt_fd() stays readable.
void forgive_interrupt();

// Becomes readable when a signal has arrived; for poll(2). Owned by this module.
int interrupt_fd();

}  // namespace gbox::sys
