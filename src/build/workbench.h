// Where a step of a phase is made: its directories on the overlay of its parents, its log, the
// sandboxes that run in it one after the other, and what becomes of it: a snapshot, or a kept
// failure.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cgroup.h"
#include "gbox/portage/command.h"
#include "meter.h"
#include "phase_mounts.h"
#include "policy_trace.h"
#include "root.h"
#include "savings.h"
#include "step.h"
#include "unmerge_watch.h"
#include "watch.h"

namespace gbox::build {

// One thing a step runs in a sandbox, and what to call it when it fails.
struct Deed {
  std::string name;  // "emerge", "run script"
  portage::Command argv;
  portage::Environment environment;
};

// Directories of this host that a sandbox sees besides repositories; empty: none.
struct Shown {
  std::string distfiles;  // read-only
  std::string hosts;      // of host_mounts()
  std::string packages;   // PKGDIR
  // The store's own packages may be linked into it: no step writes to those.
  sandbox::Access packages_access = sandbox::Access::read_only;
};

class Workbench {
 public:
  // `context` and `phase` are borrowed; `info.key` is the step's key, `parents` are snapshots,
  // lowest first.
  Workbench(const StepContext& context, const spec::Phase& phase, StepInfo info,
            std::vector<std::string> parents);

  [[nodiscard]] const StepRoot& root() const noexcept { return root_; }
  [[nodiscard]] const std::vector<std::string>& parents() const noexcept { return parents_; }
  [[nodiscard]] const std::string& log_name() const noexcept { return log_.name; }
  // Of memory, by samples; 0: unknown.
  [[nodiscard]] std::uint64_t peak_memory_bytes() const noexcept { return peak_memory_bytes_; }
  [[nodiscard]] const std::string& log_path() const noexcept { return log_.path; }
  // A directory of the step that is no part of its result, made when it is missing.
  [[nodiscard]] std::string scratch_directory(const std::string& name) const;

  // A line of gbox's own in the log, so that it tells the whole step.
  void note(const std::string& text);
  // What the phase copies.
  void copy_files();
  // What it takes out: each line of the spec is measured, for the record (savings.h).
  void trim_files();
  void remove_files();
  // Begins a deed and returns. Whoever calls pumps running() until it is no longer open, and then
  // calls finish().
  void start(Deed deed, const Shown& shown);
  [[nodiscard]] Watched& running() { return *running_; }
  // Throws StepFailed, after keeping the failure for a shell, when the deed has ended with another
  // status than 0.
  void finish();
  // All of it at once.
  void run(Deed deed, const Shown& shown);
  // As run(), for a deed that uninstalls: what that took and broke is noted and told.
  void run_removing(Deed deed, const Shown& shown);
  // Takes what this step has put at `path`, relative to the root, out of its result.
  void remove_made(const std::string& path);

  // The step as a snapshot. The caller fills in kind and parts; the bench the rest.
  store::Record publish(store::Record record);

 private:
  void look();
  void note_saving(Saving saving);
  void tell_refusals();
  [[nodiscard]] spec::Limits limits() const;
  // A group that keeps them, if one is to be had.
  void limit_by_cgroup(const spec::Limits& limits, sandbox::Settings& settings);
  // What ended the deed, when it was a limit or want of room; empty otherwise.
  struct Cause {
    std::string words;  // " was ended: …"
    std::string hint;
    bool of_memory = false;
  };
  [[nodiscard]] std::optional<Cause> cause(const sys::ExitStatus& status) const;
  void keep(const store::FailedStep& failed);  // for a shell, where that can be done
  [[noreturn]] void fail(const sys::ExitStatus& status);

  // Throws StepFailed when the step has written a secret to its files.
  void require_no_secrets();

  const StepContext& context_;
  const spec::Phase& phase_;
  StepInfo info_;
  std::vector<std::string> parents_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  store::Work work_;
  StepRoot root_;
  store::LogFile log_;
  // The deed that runs, or the last one that did.
  Deed deed_;
  std::chrono::steady_clock::time_point deed_start_;
  std::uint64_t kills_ = 0;  // for want of memory, on this host, when it began
  std::vector<std::string> stubs_;
  std::optional<PolicyTrace> trace_;
  std::unique_ptr<Cgroup> cgroup_;  // where the host gives one, of the deed that runs
  std::unique_ptr<Meter> meter_;    // of the deed that runs, or the last one that did
  std::uint64_t peak_memory_bytes_ = 0;
  std::vector<Saving> savings_;
  std::optional<UnmergeWatch> unmerged_;  // by this phase, as it was before that
  PhaseMounts mounts_;
  std::optional<Watched> running_;  // last: it ends before what it uses
};

// `additions` win.
portage::Environment merged(portage::Environment environment,
                            const portage::Environment& additions);

}  // namespace gbox::build
