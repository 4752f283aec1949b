// What each case starts from: a store in miniature with one lower layer that holds nothing but
// the payload, an overlay over it, and a sandbox that runs deeds of the payload (see
// tests/payload/payload.h) in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gbox/sandbox/sandbox.h"
#include "gbox/sys/file.h"

namespace gbox::tests {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

// How long a sandbox may take before a case fails; generous, as machines are shared.
constexpr int kPatienceMs = 30000;

class Box {
 public:
  Box();

  // The store's directory; 'lower', 'upper' and 'work' are in it.
  [[nodiscard]] const std::string& path() const noexcept { return dir_.path(); }
  [[nodiscard]] int fd() const noexcept { return dir_.fd(); }
  // The layer below, to be prepared before the first sandbox.
  [[nodiscard]] int lower() const noexcept { return lower_.get(); }
  [[nodiscard]] const std::string& payload() const noexcept { return payload_; }

  // A writable overlay of the lower layer. One at a time.
  [[nodiscard]] sys::Fd mount_root() const;
  // Settings to run deeds, words separated by blanks, as root in that overlay.
  [[nodiscard]] sandbox::Settings settings(std::string_view deeds) const;
  // Runs them and waits. Makes missing targets first.
  Outcome run(std::string_view deeds, std::string_view policy = "emerge") const;
  Outcome run(sandbox::Settings settings, std::string_view policy = "emerge") const;
  Outcome run(sandbox::Settings settings, const sandbox::Policy& policy) const;

 private:
  sys::TempDir dir_;
  sys::Fd lower_;
  std::string payload_;
};

// A sandbox whose output is read here while it runs.
class Running {
 public:
  Running(sandbox::Settings settings, std::string_view policy = "emerge");
  Running(sandbox::Settings settings, const sandbox::Policy& policy);
  sandbox::Sandbox& sandbox() noexcept { return sandbox_; }
  // Reads standard output until it holds `text`. Throws Error when it ends or stays away.
  void await(std::string_view text);
  // Reads both to their ends, which come only when nobody holds them any more, and waits.
  Outcome finish();

 private:
  bool read_some(int timeout_ms);
  Outcome outcome_;
  sys::Fd out_;
  sys::Fd err_;
  sandbox::Sandbox sandbox_;
};

// True when the descriptor is at its end or becomes so in time: all of its writers are gone.
bool ends_in_time(int fd);
// Ids of the processes on this machine one of whose arguments is `word`.
std::vector<std::string> processes_with_argument(const std::string& word);
// The message of the Error that an action throws; "" when it throws none.
std::string error_of(const std::function<void()>& action);
// A copy of the payload at a path below a directory.
void install_payload(int dirfd, const std::string& path, mode_t mode);

}  // namespace gbox::tests
