#include "settle.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base_image.h"
#include "caller.h"
#include "cpu.h"
#include "files.h"
#include "gbox/base/text.h"
#include "gbox/portage/config_check.h"
#include "gbox/sys/file.h"
#include "resolve.h"
#include "tree.h"
#include "waiting.h"

namespace gbox::build {

namespace {

// A repository that is not a directory of this machine, unpacked in the store.
portage::CheckedRepository open_locked(const Inputs& inputs, const spec::Repository& repository,
                                       Sources& sources) {
  const spec::LockedRepository& locked = inputs.lock.repositories.at(repository.name);
  if (!locked.commit.empty()) {
    if (!has_git_tree(sources.store(), locked.commit))
      sources.require_network("commit " + locked.commit.substr(0, 12) + " of " +
                              quoted(repository.name));
    return portage::check_repository(
        repository, open_git_tree(sources.store(), git_source(inputs, repository), locked.commit,
                                  sources.observer())
                        .path);
  }
  const sys::Fd file = sources.open(locked.file, "fetch repository", repository.name);
  const OpenedTree tree = open_tree(
      sources.store(), {repository.name, file.get(), locked.file.name, locked.file.sha256()},
      sources.observer());
  return portage::check_repository(repository, tree.path);
}

// One of this machine that is closed to others, and so to the account that Portage reads ebuilds
// by: as a copy in the store, which takes its place. What was digested is what must be in it.
portage::CheckedRepository open_copy(const Inputs& inputs, const spec::Repository& repository,
                                     portage::CheckedRepository& closed, Sources& sources) {
  const std::string& wanted = inputs.repository_digests.at(repository.name);
  const OpenedTree tree = ensure_tree(
      sources.store(), repository.name, "copy-1:" + wanted, sources.observer(), [&](int target) {
        sources.observer().warn(
            {"repository " + quoted(repository.name) + ": " + quoted(closed.closed) +
                 " and perhaps more is closed to the account by which Portage reads ebuilds: "
                 "steps see a copy",
             "to have none made at each change: chmod -R a+rX " + quoted(closed.path)});
        copy_readable(closed.directory.get(), target, portage::is_version_control);
        if (portage::repository_digest(target).to_string() != wanted)
          throw Error("copy repository " + quoted(repository.name) + ": it changed meanwhile",
                      ExitCode::input)
              .set_hint("build again when nothing writes to it");
        return Json::array({Json::array({"tree", wanted})});
      });
  portage::CheckedRepository copy = portage::check_repository(repository, tree.path);
  copy.source = std::move(closed.directory);
  return copy;
}

// Absent when the spec has none yet.
std::optional<spec::Lock> read_old_lock(const std::string& path) {
  const auto text = sys::try_read_file(AT_FDCWD, path, spec::kMaxLockBytes + 1);
  if (!text) return std::nullopt;
  return spec::read_lock(path, *text);
}

void write_lock_file(const std::string& path, const spec::Lock& lock, Observer& observer) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  try {
    const sys::Fd dirfd = sys::open(directory, O_RDONLY | O_DIRECTORY);
    sys::write_file_atomically(dirfd.get(), path.substr(slash + 1), spec::write_lock(lock), 0644);
    give_to_caller(path);
  } catch (const SysError& error) {
    observer.warn({"the lock is not written: " + error.message(),
                   "make the spec's directory writable, or keep a lock there and use '--locked'"});
    return;
  }
  observer.fact("lock", path + "  written");
}

void refuse_unknown_names(const Inputs& inputs, const Relock& relock) {
  std::vector<std::string> known = {"base", "cpu"};
  for (const spec::Repository& repository : inputs.spec.repositories)
    known.push_back(repository.name);
  for (const spec::BinaryHost& host : inputs.spec.binary_hosts) known.push_back(host.name);
  for (const std::string& name : relock.names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = nearest(name, known);
    throw Error("lock: nothing is called " + quoted(name) + "; there are " + quoted_list(known),
                ExitCode::usage)
        .set_hint(near.empty() ? "the spec goes before '--update': 'gbox lock SPEC --update NAME'"
                               : "did you mean " + quoted(near) + "?");
  }
}

bool is_native_lock(const spec::LockedCpu& cpu, const Inputs& inputs, const std::string& wish) {
  return cpu.wish == wish && cpu.machine == inputs.machine;
}

// What native means, from the lock or from the base's compiler.
void settle_cpu(Inputs& inputs, const spec::Lock& old, bool again, Sources& sources) {
  const std::string wish = native_wish(inputs.spec.portage);
  inputs.lock.cpu.reset();
  // A variant that names its processor leaves the lock of the others as it is.
  if (wish.empty()) inputs.lock.cpu = old.cpu;
  if (!wish.empty() && old.cpu && is_native_lock(*old.cpu, inputs, wish) && !again) {
    inputs.lock.cpu = old.cpu;
  } else if (!wish.empty()) {
    if (sources.options().locked)
      throw Error("'--locked': the lock does not say what 'native' means on this machine",
                  ExitCode::usage)
          .set_hint("run 'gbox lock " + inputs.spec.file + " --update cpu'");
    make_plan(inputs);  // for the base's key, which no flag is part of
    open_base(inputs, sources);
    const StepContext context{inputs, sources.store(), sources.observer()};
    const plan::Step& base = inputs.plan.steps.front();
    const StepInfo info{base.name, "", base.key, "to ask its compiler", 1, 1};
    const store::Record record = ensure_step(context, base, info, {});
    inputs.lock.cpu = resolve_native(inputs.spec.portage, inputs.machine, sources.store(),
                                     {record.snapshot}, sources.observer());
  }
  apply_native(inputs.spec.portage, inputs.lock.cpu ? &*inputs.lock.cpu : nullptr, inputs.machine);
}

// What is in the lock decides keys; what lies on this machine is digested.
void take_digests(Inputs& inputs) {
  if (inputs.lock.base) {
    const spec::LockedFile& file = inputs.lock.base->file;
    const bool image = !inputs.spec.base.image.empty();
    inputs.base_digest = image ? locked_image_digest(file) : file.sha256().to_string();
    inputs.base_name = image ? inputs.spec.base.image : file.name;
  }
  for (const auto& [name, repository] : inputs.lock.repositories)
    inputs.repository_digests[name] = repository.commit.empty()
                                          ? "archive " + repository.file.sha256().to_string()
                                          : "commit " + repository.commit;
}

void check_configuration(const Inputs& inputs, Masked masked, Observer& observer) {
  const spec::PortageConfig& config = inputs.spec.portage;
  portage::ConfigCheck check;
  check.emerge_decides = masked == Masked::told_by_portage;
  check.repositories = inputs.repositories;
  if (!inputs.spec.base.stage3.empty() || !inputs.spec.base.arch.empty())
    check.arch = gentoo_arch(inputs.spec, inputs.machine);
  sys::Fd directory;
  if (!config.config_dir.empty()) {
    directory = sys::open(resolve_path(inputs, config.config_dir), O_RDONLY | O_DIRECTORY);
    check.config_dirfd = directory.get();
  }
  portage::ConfigFindings findings = portage::check_config(inputs.spec, check);
  for (const SpecFault& fault : findings.warnings)
    observer.warn({to_string(fault.where) + ": " + fault.message, fault.hint});
  for (const Warning& note : findings.notes) observer.warn(note);
  if (!findings.faults.empty()) throw SpecError(std::move(findings.faults));
}

}  // namespace

store::Record ensure_step(const StepContext& context, const plan::Step& step, const StepInfo& info,
                          const std::vector<std::string>& parents) {
  Observer& observer = context.observer;
  auto record = context.store.find_record(step.key, parents);
  sys::FileLock lock;
  if (!record) {
    lock = context.store.lock_key(step.key, "gbox build, step " + step.name, waiting(observer));
    record = context.store.find_record(step.key, parents);
  }
  if (record) {
    observer.step_cached(info);
    return std::move(*record);
  }
  observer.step_started(info);
  const auto start = std::chrono::steady_clock::now();
  store::Record made = run_step(context, step, info, parents);
  context.store.forget_failed(failure_name(context.inputs.spec, step.name));
  observer.step_done(
      info, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return made;
}

std::vector<std::string> settle(Inputs& inputs, const SpecSource& source, Sources& sources,
                                const Relock& relock) {
  refuse_unknown_names(inputs, relock);
  const std::string path = spec::lock_path(source.path);
  const auto found = read_old_lock(path);
  const spec::Lock old = found.value_or(spec::Lock{});
  std::set<std::string> again = relock.names;
  if (relock.all) {
    again = {"base", "cpu"};
    for (const spec::Repository& repository : inputs.spec.repositories)
      again.insert(repository.name);
    for (const spec::BinaryHost& host : inputs.spec.binary_hosts) again.insert(host.name);
  }
  digest_local_inputs(inputs, sources.store(), sources.observer());
  inputs.lock = resolve_inputs(inputs, old, again, sources);
  take_digests(inputs);
  settle_cpu(inputs, old, again.contains("cpu"), sources);
  make_plan(inputs);
  std::vector<std::string> changes = spec::lock_changes(old, inputs.lock);
  if (changes.empty()) return changes;
  if (sources.options().locked)
    throw Error("'--locked': the lock would change: " + changes.front(), ExitCode::usage)
        .set_hint("run 'gbox lock " + source.path + "', and keep the file it writes");
  if (!relock.dry_run) write_lock_file(path, inputs.lock, sources.observer());
  return changes;
}

void open_base(Inputs& inputs, Sources& sources) {
  if (inputs.base_archive || inputs.base_image) return;
  if (inputs.lock.base && !inputs.spec.base.image.empty()) return open_base_image(inputs, sources);
  if (!inputs.lock.base) throw Error("internal error: no base to open");
  inputs.base_archive = sources.open(inputs.lock.base->file, "fetch base", "base");
}

void open_repositories(Inputs& inputs, Sources& sources, Masked masked) {
  if (inputs.repositories.size() == inputs.spec.repositories.size() && inputs.checked) return;
  for (const spec::Repository& repository : inputs.spec.repositories) {
    if (repository.path.empty()) {
      inputs.repositories.push_back(open_locked(inputs, repository, sources));
      continue;
    }
    portage::CheckedRepository& opened = *find_opened(inputs, repository.name);
    if (!opened.closed.empty()) opened = open_copy(inputs, repository, opened, sources);
  }
  std::sort(inputs.repositories.begin(), inputs.repositories.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  check_configuration(inputs, masked, sources.observer());
  inputs.checked = true;
}

}  // namespace gbox::build
