#include "step.h"

#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "emerge_log.h"
#include "files.h"
#include "gbox/base/text.h"
#include "gbox/layer/unpack.h"
#include "gbox/portage/binary_host.h"
#include "gbox/portage/command.h"
#include "gbox/portage/config.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "root.h"
#include "supplies.h"
#include "watch.h"

namespace gbox::build {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One thing a phase runs in a sandbox, and what to call it when it fails.
struct Deed {
  std::string name;  // "emerge", "run script"
  std::vector<std::string> argv;
  portage::Environment environment;
};

portage::Environment merged(portage::Environment environment,
                            const portage::Environment& additions) {
  std::map<std::string, std::string> all(environment.begin(), environment.end());
  for (const auto& [name, value] : additions) all[name] = value;
  return {all.begin(), all.end()};
}

std::vector<Deed> deeds_of(const Inputs& inputs, const spec::Phase& phase) {
  const portage::Environment base = portage::base_environment();
  const portage::Environment portage_environment =
      merged(base, portage::emerge_environment(inputs.spec.options, phase.root));
  std::vector<Deed> deeds;
  const bool hosts = !inputs.spec.binary_hosts.empty();
  for (portage::Command& command : portage::emerge_commands(phase, hosts))
    deeds.push_back({"emerge", std::move(command), portage_environment});
  for (portage::Command& command : portage::unmerge_commands(phase))
    deeds.push_back({"unmerge", std::move(command), portage_environment});
  if (!phase.run.empty()) {
    portage::Environment environment(phase.env.begin(), phase.env.end());
    environment.emplace_back("ROOT", phase.root);
    const std::string shell = phase.shell == spec::Shell::bash ? "/bin/bash" : "/bin/sh";
    deeds.push_back({"run script", {shell, "-e", "-c", phase.run}, merged(base, environment)});
  }
  return deeds;
}

const spec::Phase& phase_of(const Inputs& inputs, const plan::Step& step) {
  for (const spec::Phase& phase : inputs.spec.phases)
    if (phase.name == step.phase) return phase;
  throw Error("internal error: no phase " + quoted(step.phase));
}

// Everything one run of a step shares between its parts.
class StepRun {
 public:
  StepRun(const StepContext& context, const plan::Step& step, const StepInfo& info,
          const std::vector<std::string>& parents)
      : context_(context),
        step_(step),
        info_(info),
        parents_(parents),
        work_(context.store.begin_step(step.name, parents.empty() ? "" : parents.back())) {}

  store::Record run() {
    switch (step_.kind) {
      case plan::StepKind::base:
        unpack_base();
        break;
      case plan::StepKind::config:
        write_config();
        break;
      case plan::StepKind::phase:
        run_phase();
        break;
    }
    store::Record record;
    record.key = step_.key;
    record.spec = context_.inputs.spec.name;
    record.step = step_.name;
    record.phase = step_.phase;
    record.kind = plan::to_string(step_.kind);
    record.parts = step_.parts;
    record.parents = parents_;
    record.log = log_ ? log_->name : "";
    record.seconds = seconds_since(start_);
    return context_.store.publish(std::move(work_), std::move(record));
  }

 private:
  void unpack_base() {
    const Inputs& inputs = context_.inputs;
    const std::uint64_t total =
        static_cast<std::uint64_t>(sys::fstat(inputs.base_archive.get()).st_size);
    layer::UnpackOptions options;
    options.digests = {HashAlgorithm::sha256};
    options.warnings = &context_.observer;
    options.progress = [&](std::uint64_t done) {
      context_.observer.progress("unpack " + inputs.base_name, done, total);
    };
    options.check_interrupt = [] { sys::check_interrupt(); };
    if (::lseek(inputs.base_archive.get(), 0, SEEK_SET) != 0)
      throw SysError(errno, "read " + quoted(inputs.base_name));
    const layer::UnpackSummary summary =
        layer::unpack_archive(inputs.base_archive.get(), inputs.base_name, work_.fs_fd(), options);
    // The key names the bytes that were digested: an archive that changed since must not pass.
    const std::string keyed = "sha256:" + summary.digests.front().hex();
    if (step_.parts.dump().find(summary.digests.front().hex()) == std::string::npos)
      throw Error("unpack " + quoted(inputs.base_name) + ": it changed while it was read (now " +
                      keyed + ")",
                  ExitCode::input)
          .set_hint("build again when nothing writes to it");
  }

  void write_config() {
    const Inputs& inputs = context_.inputs;
    const StepRoot root(context_.store, work_, parents_, {});
    const sys::Fd mount = root.mount();
    portage::write_config(mount.get(), inputs.config_files);
    const std::string& directory = inputs.spec.portage.config_dir;
    if (directory.empty()) return;
    const sys::Fd source = sys::open(resolve_path(inputs, directory), O_RDONLY | O_DIRECTORY);
    portage::copy_config_dir(source.get(), mount.get(), inputs.config_files);
  }

  void run_phase() {
    const Inputs& inputs = context_.inputs;
    const spec::Phase& phase = phase_of(inputs, step_);
    log_ = context_.store.open_log(step_.name, step_.key);
    const StepRoot root(context_.store, work_, parents_, step_targets(inputs));
    distfiles_ = distfiles_of(phase, root);
    if (context_.supplies != nullptr && !phase.emerge.atoms.empty() &&
        context_.supplies->show_hosts(phase.name, root.scratch("hosts")))
      hosts_ = root.scratch("hosts");
    copy_files(phase, root);
    const bool own_keys = hosts_.empty() || has_signature_keys(root);
    for (const Deed& deed : deeds_of(inputs, phase)) {
      run_deed(phase, root, deed);
      if (deed.name != "emerge" || hosts_.empty()) continue;
      // What Portage's trust helper made to verify packages is no part of the result: it holds a
      // secret key, another one each time. Nor are copies of indexes, below a ROOT of its own.
      if (!own_keys) remove_made(std::string(portage::kSignatureKeys));
      if (phase.root != "/")
        remove_made(phase.root.substr(1) + std::string(portage::kBinaryHostsCache));
    }
    remove_files(phase, root);
  }

  static bool has_signature_keys(const StepRoot& root) {
    const sys::Fd mount = root.mount();
    return sys::try_open_beneath(mount.get(), std::string(portage::kSignatureKeys), O_PATH,
                                 sys::Resolve::in_root)
        .has_value();
  }

  // Takes what this step has put at `path` out of its result.
  void remove_made(const std::string& path) {
    const auto [parent, name] = sys::split_last(path);
    const auto directory = sys::try_open_beneath(work_.fs_fd(), parent, O_RDONLY | O_DIRECTORY,
                                                 sys::Resolve::no_symlinks);
    if (directory && sys::try_fstatat(directory->get(), name, AT_SYMLINK_NOFOLLOW))
      sys::remove_tree(directory->get(), name);
  }

  // What the step sees of distfiles: an emerge phase just what its plan names; a script, which may
  // run emerge too, all there is.
  std::string distfiles_of(const spec::Phase& phase, const StepRoot& root) {
    const Inputs& inputs = context_.inputs;
    if (!fetches_distfiles(inputs) || context_.supplies == nullptr || phase.emerge.atoms.empty())
      return fetches_distfiles(inputs) ? context_.store.distfiles_path() : inputs.distfiles;
    const std::string directory = root.scratch("distfiles");
    sys::ensure_directories(AT_FDCWD, directory, 0755);
    context_.supplies->link(phase.name, sys::open(directory, O_RDONLY | O_DIRECTORY).get());
    return directory;
  }

  void copy_files(const spec::Phase& phase, const StepRoot& root) {
    if (phase.copy.empty()) return;
    const sys::Fd mount = root.mount();
    for (const spec::Copy& copy : phase.copy) {
      note("copy " + copy.from + " to " + copy.to);
      try {
        copy_into(mount.get(), phase.root, copy, resolve_path(context_.inputs, copy.from));
      } catch (Error& error) {
        throw error.add_context(to_string(copy.where) + ": copy " + quoted(copy.from));
      }
    }
  }

  void remove_files(const spec::Phase& phase, const StepRoot& root) {
    if (phase.remove.empty()) return;
    const sys::Fd mount = root.mount();
    for (const std::string& pattern : phase.remove) {
      const std::size_t count = remove_matching(mount.get(), phase.root, pattern);
      note("remove " + pattern + ": " + std::to_string(count) + " found");
      if (count == 0)
        context_.observer.warn({to_string(phase.where) + ": phase " + quoted(phase.name) +
                                    ": nothing matches " + quoted(pattern) + " to remove",
                                "correct the path, or leave it out"});
    }
  }

  // A line of gbox's own in the log, so that it tells the whole step.
  void note(const std::string& text) {
    sys::write_all(log_->fd.get(), ">>> gbox: " + printable(text) + '\n', log_->path);
  }

  void run_deed(const spec::Phase& phase, const StepRoot& root, const Deed& deed) {
    note(deed.name + ": " + printable(join(deed.argv, " ")).substr(0, 2000));
    sandbox::Settings settings;
    settings.root = root.mount();
    settings.mounts =
        step_mounts(context_.inputs, root.scratch("tmp"), root.scratch("var-tmp"), distfiles_);
    if (!hosts_.empty())
      for (sandbox::Mount& mount : host_mounts(hosts_)) settings.mounts.push_back(std::move(mount));
    settings.command.argv = deed.argv;
    settings.command.environment = deed.environment;
    settings.network =
        phase.network == spec::Network::host ? sandbox::Network::host : sandbox::Network::none;
    const std::vector<std::string> stubs = sandbox::ensure_targets(settings);
    Watch watch;
    watch.log_fd = log_->fd.get();
    watch.on_line = [&](std::string_view line) { context_.observer.step_output(info_, line); };
    watch.on_tick = [&] { context_.observer.tick(); };
    const Clock::time_point deed_start = Clock::now();
    const sys::ExitStatus status =
        run_watched(std::move(settings), sandbox::load_policy(phase.policy), watch);
    root.remove_stubs(stubs);
    if (status.code != 0) fail(deed, status, seconds_since(deed_start));
  }

  [[noreturn]] void fail(const Deed& deed, const sys::ExitStatus& status, double seconds) {
    note(deed.name + " ended with " + std::to_string(status.code));
    store::FailedStep failed;
    failed.spec = context_.inputs.spec.name;
    failed.step = failure_name(context_.inputs.spec, step_.name);
    failed.phase = step_.phase;
    failed.key = step_.key;
    failed.parents = parents_;
    failed.environment = {deed.environment.begin(), deed.environment.end()};
    failed.argv = deed.argv;
    failed.working_dir = "/";
    failed.log = log_->name;
    failed.exit_status = status.code;
    context_.store.keep_failed(std::move(work_), failed);
    context_.observer.step_failed(info_, seconds_since(start_), log_->path);
    const std::string how = status.code > 128
                                ? "killed by signal " + std::to_string(status.code - 128)
                                : "exit " + std::to_string(status.code);
    std::string what = "phase " + quoted(step_.phase) + ": " + deed.name;
    if (const auto package = failed_package(log_->path))
      what = "phase " + quoted(step_.phase) + ", " + package->cpv + ": " + package->phase;
    StepFailed error(what + " failed after " + human_duration(seconds) + ", " + how,
                     ExitCode::step);
    error.set_hint("what it printed: 'gbox log " + step_.name +
                   "' · a shell where it failed: 'gbox shell " + context_.inputs.spec.file + ' ' +
                   step_.name + "' · 'gbox build " + context_.inputs.spec.file +
                   "' goes on from here");
    throw error;
  }

  const StepContext& context_;
  const plan::Step& step_;
  const StepInfo& info_;
  const std::vector<std::string>& parents_;
  Clock::time_point start_ = Clock::now();
  store::Work work_;
  std::optional<store::LogFile> log_;
  std::string distfiles_;
  std::string hosts_;  // what host_mounts() shows; empty: nothing
};

}  // namespace

std::vector<std::string> step_targets(const Inputs& inputs) {
  std::vector<std::string> targets = sandbox::own_targets();
  for (const char* target : {"/tmp", "/var/tmp", "/run"}) targets.emplace_back(target);
  for (const portage::CheckedRepository& repository : inputs.repositories)
    targets.push_back(portage::repository_location(repository.name));
  targets.emplace_back(portage::kDistfilesDirectory);
  for (std::string& target : host_targets(inputs)) targets.push_back(std::move(target));
  return targets;
}

std::vector<sandbox::Mount> step_mounts(const Inputs& inputs, const std::string& tmp,
                                        const std::string& var_tmp, const std::string& distfiles) {
  using sandbox::Access;
  std::vector<sandbox::Mount> mounts;
  mounts.push_back(sandbox::bind_mount(AT_FDCWD, tmp, "/tmp", Access::read_write));
  mounts.push_back(sandbox::bind_mount(AT_FDCWD, var_tmp, "/var/tmp", Access::read_write));
  mounts.push_back(sandbox::tmpfs_mount("/run", "64M", "0755"));
  for (const portage::CheckedRepository& repository : inputs.repositories)
    mounts.push_back(sandbox::bind_mount(repository.directory.get(), ".",
                                         portage::repository_location(repository.name),
                                         Access::read_only));
  if (!distfiles.empty())
    mounts.push_back(sandbox::bind_mount(
        AT_FDCWD, distfiles, std::string(portage::kDistfilesDirectory), Access::read_only));
  // A package's env file may build elsewhere, such as on disk where /var/tmp/portage is a tmpfs;
  // Portage wants that place to be there.
  for (const spec::EnvFile& file : inputs.spec.portage.env)
    if (const auto place = file.variables.find("PORTAGE_TMPDIR"); place != file.variables.end())
      sys::ensure_directories(
          AT_FDCWD, var_tmp + place->second.substr(std::string_view("/var/tmp").size()), 0775);
  if (inputs.spec.options.tmpfs_bytes) {
    sys::ensure_directories(AT_FDCWD, var_tmp + "/portage", 0775);
    mounts.push_back(sandbox::tmpfs_mount(
        "/var/tmp/portage", std::to_string(*inputs.spec.options.tmpfs_bytes), "0775"));
  }
  return mounts;
}

std::string failure_name(const spec::BuildSpec& spec, const std::string& step) {
  return spec.name + ':' + step;
}

store::Record run_step(const StepContext& context, const plan::Step& step, const StepInfo& info,
                       const std::vector<std::string>& parents) {
  return StepRun(context, step, info, parents).run();
}

}  // namespace gbox::build
