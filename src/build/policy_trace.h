// Which calls of a step its policy refused, and by which rule: each told once. For --trace-policy;
// the step gets the same errors as without.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "gbox/sandbox/sandbox.h"

namespace gbox::build {

// "policy 'emerge' refused 'bpf' (pid 17, 'python3.11'): EPERM, runs code in … (policies/…:19:1)".
std::string refusal_text(const std::string& policy, const sandbox::Call& call,
                         const sandbox::Decision& decision, const std::string& process);

// Lines from the listener's thread to whoever pumps the step.
class PolicyTrace {
 public:
  // Watches what is started with these settings under `policy`.
  PolicyTrace(sandbox::Settings& settings, std::string policy);
  // Hands on the lines since the last time.
  void drain(const std::function<void(const std::string& line)>& to);
  // Whether any call was refused.
  [[nodiscard]] bool saw_any() const;

 private:
  struct Seen;
  std::shared_ptr<Seen> seen_;
};

}  // namespace gbox::build
