// What this host can do for a sandbox, found by doing it in miniature: a user namespace with the
// mapping a build uses, a pid namespace with a fresh proc, an overlay that removes and remakes a
// directory. A version or a sysctl only explains a failure, it never decides. Used by
// `gbox doctor` (everything) and before a build (decide, require_…). Nothing is left behind: every
// namespace dies with the child that made it, scratch files lie in the store and are removed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/sys/level.h"
#include "gbox/sys/userns.h"

namespace gbox::sys {

struct HostFacts;  // host_facts.h

enum class Outcome {
  ok,
  lack,     // this check failed; reason, remedy and lost say the rest
  unknown,  // not tried, because an earlier one it builds on failed; reason names it
};

struct Check {
  std::string name;  // stable: "user-namespace", "overlay"; scripts may rely on it
  Outcome outcome = Outcome::ok;
  std::string reason;           // ok: what was found; lack: the cause in one line
  std::string remedy;           // what to do and where; may be empty
  std::string lost;             // what cannot be done without it; empty when ok
  Level at_most = Level::full;  // the level this lack leaves; full when it only limits comfort
};

struct HostReport {
  Level level = Level::full;
  std::vector<Check> checks;  // in the order of causes: the first lack explains those behind it
  std::vector<std::string> notes;  // kernel, limits: explains, decides nothing

  // The first check that keeps the level below full; nullptr when there is none.
  [[nodiscard]] const Check* first_lack() const noexcept;
};

// Everything, against the file system that holds (or will hold) the store at `store_path`.
// Takes well under a second. Throws only when the machine itself fails (no memory, no fork).
HostReport probe_host(const std::string& store_path);

// Before the namespace is entered: why the caller can map no id but his own (no_new_privs, helpers,
// ranges), as far as a dozen small files tell. Without a cause when they tell of none.
SingleId why_single_id(const HostFacts& facts);

// After entering failed half way, in a process that can try nothing any more: throws `failure` in
// the words of what, of the facts read before, explains it; as it is when nothing does.
[[noreturn]] void explain_failed_entry(const HostFacts& facts, const Error& failure);

// What a run does at this host, and why not more.
struct Decision {
  Means means;
  Level level = Level::full;
  std::vector<Check> lacks;  // what keeps it below full, in the order of causes

  [[nodiscard]] std::string reasons() const;  // of all lacks, in one line; empty at full
  [[nodiscard]] std::string lost() const;     // what is lost with them
  [[nodiscard]] std::string remedies() const;
};

// What those who run sandboxes call first, inside the namespace: tries everything against the file
// system of the store. `storage` is what the user chose; nullopt: the best that works here. Throws
// Error (host) when a chosen one does not work here.
Decision decide(const std::string& store_path, std::optional<Storage> storage = std::nullopt);
// Throws Error (host) with the first lack when the level is below `required`, or too low for any
// step.
void require(const Decision& decision, Level required = kLowestLevel);
// Both at once, before or after the namespace is entered.
void require_host(const std::string& store_path, Level required = kLowestLevel);

}  // namespace gbox::sys
