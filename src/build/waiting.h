// Waiting for another gbox, told to whoever watches.
#pragma once

#include "gbox/build/observer.h"
#include "gbox/sys/lock.h"

namespace gbox::build {

// `observer` is borrowed. An interrupt ends the wait: see sys::FileLock.
sys::LockWait waiting(Observer& observer);

}  // namespace gbox::build
