#include "policy_trace.h"

#include <cstring>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "gbox/base/text.h"
#include "gbox/sandbox/explain.h"
#include "gbox/sys/file.h"
#include "gbox/sys/host_facts.h"

namespace gbox::build {

namespace {

constexpr std::size_t kMaxLines = 1000;  // of different calls and rules

// "pid 17, 'python3.11'", with the number that it has in the step.
std::string process_of(int proc, const sandbox::Call& call) {
  std::string name = "?";
  std::string pid = "?";
  try {
    const std::string status =
        sys::try_read_file(proc, std::to_string(call.pid) + "/status").value_or("");
    if (!call.alive()) return "ended";
    if (std::string field = sys::status_field(status, "Name"); !field.empty()) name = field;
    const std::vector<std::string> pids = split_words(sys::status_field(status, "NSpid"));
    if (!pids.empty()) pid = pids.back();  // of the innermost namespace
  } catch (const Error&) {
    // It has ended meanwhile.
  }
  return "pid " + pid + ", " + quoted(name);
}

}  // namespace

std::string refusal_text(const std::string& policy, const sandbox::Call& call,
                         const sandbox::Decision& decision, const std::string& process) {
  const std::string error = ::strerrorname_np(decision.error_number());
  const std::string what =
      call.name.empty() ? "call " + std::to_string(call.number) : quoted(call.name);
  const std::string abi = sandbox::abi_of(call.architecture, call.number);
  const std::string shown = abi == sandbox::native_abi() ? what : what + " of " + abi;
  if (decision.refusal == nullptr)
    return "policy " + quoted(policy) + " does not know " + shown + " (" + process + "): " + error;
  const std::string condition = sandbox::condition_text(*decision.refusal);
  return "policy " + quoted(policy) + " refused " + shown +
         (condition.empty() ? "" : ' ' + condition) + " (" + process + "): " + error + ", " +
         decision.refusal->why + " (" + to_string(decision.refusal->where) + ')';
}

struct PolicyTrace::Seen {
  std::mutex guard;
  std::set<std::string> told;
  std::vector<std::string> lines;
  // Open before the listener's thread begins, whose emulated calls leave it with another root.
  sys::Fd proc = sys::open("/proc", O_PATH | O_DIRECTORY);
};

PolicyTrace::PolicyTrace(sandbox::Settings& settings, std::string policy)
    : seen_(std::make_shared<Seen>()) {
  settings.notified.on_refusal = [seen = seen_, name = std::move(policy)](
                                     const sandbox::Call& call, const sandbox::Decision& decision) {
    const std::string rule = decision.refusal ? to_string(decision.refusal->where) : "";
    const std::string subject =
        std::to_string(call.architecture) + ' ' + std::to_string(call.number) + ' ' + rule;
    const std::scoped_lock lock(seen->guard);
    if (seen->told.size() >= kMaxLines || !seen->told.insert(subject).second) return;
    seen->lines.push_back(refusal_text(name, call, decision, process_of(seen->proc.get(), call)));
  };
}

void PolicyTrace::drain(const std::function<void(const std::string& line)>& to) {
  std::vector<std::string> lines;
  {
    const std::scoped_lock lock(seen_->guard);
    lines.swap(seen_->lines);
  }
  for (const std::string& line : lines) to(line);
}

bool PolicyTrace::saw_any() const {
  const std::scoped_lock lock(seen_->guard);
  return !seen_->told.empty();
}

}  // namespace gbox::build
