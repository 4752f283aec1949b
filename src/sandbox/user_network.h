// The network of a step that asked for one of its own: a program of the host (pasta, or else
// slirp4netns) that carries what the step's network namespace sends and receives through sockets
// of the user. No port of the host is forwarded, and the host's loopback cannot be reached through
// it. The step has no power over the namespace: the store's user namespace owns it.
#pragma once

#include <memory>
#include <string>

#include "gbox/sandbox/sandbox.h"
#include "gbox/sys/process.h"

namespace gbox::sandbox {

class UserNetwork {
 public:
  // Connects the network namespace `netns_fd`, and returns when it can be used. Throws Error (host)
  // with what each helper said when none of them could.
  explicit UserNetwork(int netns_fd);
  [[nodiscard]] const std::string& program() const noexcept { return program_; }

 private:
  std::string program_;
  std::unique_ptr<sys::RunningHelper> helper_;  // it ends with this object, and with this process
};

}  // namespace gbox::sandbox
