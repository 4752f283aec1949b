#include "workbench.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <utility>

#include "emerge_log.h"
#include "files.h"
#include "gbox/base/text.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/machine.h"
#include "ground.h"
#include "hosts.h"
#include "lesser_proc.h"
#include "no_room.h"
#include "root_effects.h"
#include "secrets.h"
#include "watch.h"

namespace gbox::build {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxNotedCommand = 2000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string ending(const sys::ExitStatus& status) {
  return status.code > 128 ? "killed by signal " + std::to_string(status.code - 128)
                           : "exit " + std::to_string(status.code);
}

}  // namespace

portage::Environment merged(portage::Environment environment,
                            const portage::Environment& additions) {
  std::map<std::string, std::string> all(environment.begin(), environment.end());
  for (const auto& [name, value] : additions) all[name] = value;
  return {all.begin(), all.end()};
}

Workbench::Workbench(const StepContext& context, const spec::Phase& phase, StepInfo info,
                     std::vector<std::string> parents)
    : context_(context),
      phase_(phase),
      info_(std::move(info)),
      parents_(std::move(parents)),
      work_(context.store.begin_step(info_.name, parents_.empty() ? "" : parents_.back())),
      root_(context.store, work_, parents_, step_targets(context.inputs)),
      log_(context.store.open_log(info_.name, info_.key)),
      mounts_(context, phase, root_.scratch("mounts")) {
  if (const std::string text = widening_text(context.inputs.policies.at(phase.name)); !text.empty())
    note(text);
}

std::string Workbench::scratch_directory(const std::string& name) const {
  const std::string path = root_.scratch(name);
  sys::ensure_directories(AT_FDCWD, path, 0755);
  return path;
}

void Workbench::note(const std::string& text) {
  sys::write_all(log_.fd.get(), ">>> gbox: " + printable(text) + '\n', log_.path);
}

void Workbench::copy_files() {
  if (phase_.copy.empty()) return;
  const sys::Fd mount = root_.mount();
  for (const spec::Copy& copy : phase_.copy) {
    note("copy " + copy.from + " to " + copy.to);
    try {
      copy_into(mount.get(), phase_.root, copy, resolve_path(context_.inputs, copy.from));
    } catch (Error& error) {
      throw error.add_context(to_string(copy.where) + ": copy " + quoted(copy.from));
    }
  }
}

void Workbench::remove_made(const std::string& path) {
  root_.remove_made(path);
}

void Workbench::start(Deed deed, const Shown& shown) {
  deed_ = std::move(deed);
  note(deed_.name + ": " + printable(join(deed_.argv, " ")).substr(0, kMaxNotedCommand));
  sandbox::Settings settings;
  settings.root = root_.mount();
  if (!context_.effort.host_name.empty()) settings.host_name = context_.effort.host_name;
  settings.mounts =
      step_mounts(context_.inputs, root_.scratch("tmp"), root_.scratch("var-tmp"), shown.distfiles);
  if (!shown.hosts.empty())
    for (sandbox::Mount& mount : host_mounts(shown.hosts))
      settings.mounts.push_back(std::move(mount));
  if (!shown.packages.empty())
    settings.mounts.push_back(sandbox::bind_mount(
        AT_FDCWD, shown.packages, std::string(portage::kPackagesDirectory), shown.packages_access));
  add_lesser_proc(settings, root_);
  settings.command.argv = deed_.argv;
  settings.command.environment = deed_.environment;
  add_network(settings, sandbox_network(phase_.network), root_.scratch("network"));
  if (phase_.root != "/")
    for (sandbox::Mount& mount : root_effects_mounts(
             root_.scratch("root-effects"), builds_root(phase_) ? MayWait::yes : MayWait::no))
      settings.mounts.push_back(std::move(mount));
  for (sandbox::Mount& mount : mounts_.make(settings.root.get()))
    settings.mounts.push_back(std::move(mount));
  stubs_ = sandbox::ensure_targets(settings);
  Watch watch;
  watch.secrets = mounts_.words();
  watch.log_fd = log_.fd.get();
  watch.on_line = [this](std::string_view line) { context_.observer.step_output(info_, line); };
  const sandbox::Policy& policy = policy_of(context_.inputs, phase_);
  if (context_.effort.trace_policy) trace_.emplace(settings, policy.name);
  watch.on_pump = [this] { look(); };
  const spec::Limits most = limits();
  if (most.processes) settings.limits.processes = most.processes->value;
  if (most.file_size) settings.limits.file_bytes = most.file_size->value;
  limit_by_cgroup(most, settings);
  deed_start_ = Clock::now();
  kills_ = sys::out_of_memory_kills();
  running_.emplace(std::move(settings), policy, std::move(watch));
  std::vector<DiskPlace> places = root_.places();
  for (DiskPlace& place : mounts_.places()) places.push_back(std::move(place));
  meter_ = std::make_unique<Meter>(running_->pid(), most, std::move(places));
}

// The command line's word counts before the phase's, and that before the whole spec's; the policy's
// are not gone past.
spec::Limits Workbench::limits() const {
  return tightest(
      merged(merged(context_.inputs.spec.limits, phase_.limits), context_.effort.limits),
      context_.inputs.policies.at(phase_.name).limits);
}

void Workbench::limit_by_cgroup(const spec::Limits& most, sandbox::Settings& settings) {
  cgroup_.reset();
  if (!most.memory && !most.processes) return;
  std::string why;
  if (Cgroups* const groups = Cgroups::own(&why)) {
    try {
      cgroup_ = groups->make(most);
      settings.cgroup_fd = cgroup_->fd();
      return;
    } catch (const Error& error) {
      why = error.message();
    }
  }
  note("limits are kept by looking once a second: " + why);
}

void Workbench::look() {
  if (trace_) tell_refusals();
  // Once the last process is gone, its number may be another's.
  if (!meter_ || !running_ || !running_->is_open()) return;
  meter_->look();
  peak_memory_bytes_ = std::max(peak_memory_bytes_, meter_->peak_memory_bytes());
  if (meter_->hit()) running_->kill();  // twice is harmless
}

void Workbench::tell_refusals() {
  trace_->drain([this](const std::string& line) {
    note(line);
    context_.observer.warn({info_.name + ": " + line, ""});
  });
}

void Workbench::finish() {
  const sys::ExitStatus status = running_->wait();
  running_.reset();
  root_.remove_stubs(stubs_);
  if (status.code != 0) fail(status);
  meter_.reset();
}

void Workbench::run(Deed deed, const Shown& shown) {
  start(std::move(deed), shown);
  Watched* const one = &*running_;
  while (one->is_open()) {
    pump(std::span(&one, 1));
    context_.observer.tick();
  }
  finish();
}

void Workbench::keep(const store::FailedStep& failed) {
  try {
    with_context("keep failed step " + quoted(info_.name), [&] { root_.finish(); });
    if (!files_with_secrets(work_.fd(), mounts_.words()).empty()) {
      context_.observer.warn({"step " + quoted(info_.name) +
                                  " has written a secret to its files: they are not kept for "
                                  "'gbox shell'",
                              "let it read the secret where it is mounted"});
      return;
    }
    mounts_.keep_caches();
    context_.store.keep_failed(std::move(work_), failed);
  } catch (const SysError& error) {
    // A disk that the step has filled: what the step said tells more than this.
    context_.observer.warn({error.what(), error.hint()});
  }
}

void Workbench::fail(const sys::ExitStatus& status) {
  const double seconds = seconds_since(deed_start_);
  note(deed_.name + " ended with " + std::to_string(status.code));
  const Inputs& inputs = context_.inputs;
  store::FailedStep failed;
  failed.spec = inputs.spec.name;
  failed.step = failure_name(inputs.spec, info_.name);
  failed.phase = info_.phase;
  failed.key = info_.key;
  failed.parents = parents_;
  failed.environment = {deed_.environment.begin(), deed_.environment.end()};
  failed.argv = deed_.argv;
  failed.working_dir = "/";
  failed.log = log_.name;
  failed.exit_status = status.code;
  keep(failed);
  context_.observer.step_failed(info_, seconds_since(start_), log_.path);
  std::string what = "phase " + quoted(info_.phase) + ": " + deed_.name;
  const std::string place =
      info_.part && info_.total > 1
          ? " (" + std::to_string(info_.index) + " of " + std::to_string(info_.total) + ')'
          : "";
  if (const auto package = failed_package(log_.path))
    what = "phase " + quoted(info_.phase) + ", " + package->cpv + place + ": " + package->phase;
  else if (!place.empty())
    what = info_.name + place + ": " + deed_.name;
  if (const auto ended = cause(status)) {
    StepFailed error(what + ended->words, ExitCode::step);
    // Fewer make jobs may stay below the limit.
    error.out_of_memory = ended->of_memory;
    error.set_hint(ended->hint + " · 'gbox log " + info_.name + "' · 'gbox build " +
                   inputs.spec.file + "' goes on from here");
    throw error;
  }
  const std::optional<std::string> short_of_memory =
      out_of_memory(log_.path, sys::out_of_memory_kills() != kills_);
  const std::string after = " after " + human_duration(seconds) + ", " + ending(status);
  StepFailed error(what + (short_of_memory ? " ran out of memory" : " failed") + after +
                       (short_of_memory ? ": " + *short_of_memory : ""),
                   ExitCode::step);
  error.out_of_memory = short_of_memory.has_value();
  const bool may_be_refused = !context_.effort.trace_policy && says_not_permitted(log_.path);
  error.set_hint(
      std::string(short_of_memory ? "fewer make jobs need less: 'gbox build --jobs N' · " : "") +
      (may_be_refused ? "'--trace-policy' tells what the policy refused · " : "") +
      "what it printed: 'gbox log " + info_.name + "' · a shell where it failed: 'gbox shell " +
      inputs.spec.file + ' ' + info_.name + "' · 'gbox build " + inputs.spec.file +
      "' goes on from here");
  throw error;
}

std::optional<Workbench::Cause> Workbench::cause(const sys::ExitStatus& status) const {
  std::optional<Meter::Hit> found = meter_ ? meter_->hit() : std::nullopt;
  const std::string kept = cgroup_ ? cgroup_->hit() : "";
  if (!found && kept == "memory") found = Meter::Hit{kept, *limits().memory, ""};
  if (!found && kept == "processes") found = Meter::Hit{kept, *limits().processes, ""};
  if (found) {
    const Meter::Hit& hit = *found;
    return Cause{" was ended at its limit " + quoted(hit.name + " = " + hit.limit.shown) + " (" +
                     to_string(hit.limit.where) + ")" +
                     (hit.reached.empty() ? "" : ": it had reached " + hit.reached),
                 "give it more there, or for once by '--limit " + hit.name + "=…'",
                 hit.name == "memory"};
  }
  const std::optional<spec::Limit> file_size = limits().file_size;
  if (file_size && (status.code == 128 + SIGXFSZ || says_file_too_large(log_.path)))
    return Cause{" failed: a file reached its limit " + quoted("file_size = " + file_size->shown) +
                     " (" + to_string(file_size->where) + ')',
                 "give it more there, or for once by '--limit file_size=…'"};
  const std::optional<spec::Limit> processes = limits().processes;
  if (processes && says_no_process(log_.path))
    return Cause{" failed: it could start no more processes at its limit " +
                     quoted("processes = " + processes->shown) + " (" +
                     to_string(processes->where) + ')',
                 "give it more there, or for once by '--limit processes=…'"};
  if (const auto room = no_room(log_.path, context_.store.path(), context_.inputs.spec.options))
    return Cause{" failed: " + room->message, room->hint};
  return std::nullopt;
}

void Workbench::require_no_secrets() {
  const std::vector<std::string> found = files_with_secrets(work_.fs_fd(), mounts_.words());
  if (found.empty()) return;
  throw StepFailed("phase " + quoted(phase_.name) + ": a secret is in " + quoted_list(found) +
                       ", and would be in the image",
                   ExitCode::step)
      .set_hint(
          "let the phase read it where it is mounted, or 'remove' the file at its end; nothing "
          "of this step is kept");
}

store::Record Workbench::publish(store::Record record) {
  try {
    root_.finish();
  } catch (SysError& error) {
    error.add_context("phase " + quoted(info_.phase));
    if (error.error_number() == ENOSPC || error.error_number() == EDQUOT)
      error.add_code(ExitCode::host).add_hint(kMakeRoom);
    throw;
  }
  require_no_secrets();
  mounts_.keep_caches();
  record.key = info_.key;
  record.spec = context_.inputs.spec.name;
  record.step = info_.name;
  record.phase = info_.phase;
  record.parents = parents_;
  record.log = log_.name;
  record.seconds = seconds_since(start_);
  if (!savings_.empty()) record.extra["saved"] = to_json(savings_);
  if (peak_memory_bytes_ != 0) record.extra["peak_memory_bytes"] = peak_memory_bytes_;
  return context_.store.publish(std::move(work_), std::move(record));
}

}  // namespace gbox::build
