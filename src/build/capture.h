// A sandbox whose output is wanted for itself: what it writes to standard output is kept apart
// from what it says on standard error, both within limits. For short questions to an image; the
// output of steps goes through watch.h.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "gbox/sandbox/sandbox.h"
#include "gbox/sys/process.h"

namespace gbox::build {

struct CaptureLimits {
  std::size_t output_bytes = 64u << 20;   // more is an error
  std::size_t messages_bytes = 1u << 20;  // more is dropped
};

struct Captured {
  sys::ExitStatus status;
  std::string output;    // its standard output
  std::string messages;  // its standard error
};

// Runs the sandbox to its end with `input` (whole, of any size) as its standard input. `on_tick`
// is called about ten times a second. Throws Interrupted after killing it when a signal arrives,
// and Error (plan) when it writes more than its limit.
Captured run_captured(sandbox::Settings settings, const sandbox::Policy& policy,
                      std::string_view input, const CaptureLimits& limits,
                      const std::function<void()>& on_tick);

}  // namespace gbox::build
