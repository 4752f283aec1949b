// Watching a running sandbox: its output goes to the log and, line by line, to whoever watches;
// a signal to gbox ends it; nothing it prints can fill memory or the disk without bound.
#pragma once

#include <functional>
#include <string_view>

#include "gbox/sandbox/sandbox.h"
#include "gbox/sys/process.h"

namespace gbox::build {

constexpr std::size_t kMaxShownLine = 4096;         // longer lines are cut where they are shown
constexpr std::uint64_t kMaxLogBytes = 256u << 20;  // what a step prints beyond is dropped

struct Watch {
  int log_fd = -1;
  std::function<void(std::string_view line)> on_line;
  std::function<void()> on_tick;  // about ten times a second
};

// Starts a sandbox with its output connected to `watch`, and waits for its end. Throws Interrupted
// after killing it when a signal arrives.
sys::ExitStatus run_watched(sandbox::Settings settings, const sandbox::Policy& policy,
                            const Watch& watch);

}  // namespace gbox::build
