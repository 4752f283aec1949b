#include "step.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base_image.h"
#include "deeds.h"
#include "emerge_phase.h"
#include "gbox/base/text.h"
#include "gbox/layer/unpack.h"
#include "gbox/portage/binary_host.h"
#include "gbox/portage/command.h"
#include "gbox/portage/config.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/file.h"
#include "gbox/sys/interrupt.h"
#include "root.h"
#include "root_phase.h"
#include "supplies.h"
#include "workbench.h"

namespace gbox::build {

namespace {

const spec::Phase& phase_of(const Inputs& inputs, const plan::Step& step) {
  for (const spec::Phase& phase : inputs.spec.phases)
    if (phase.name == step.phase) return phase;
  throw Error("internal error: no phase " + quoted(step.phase));
}

store::Record record_of(const plan::Step& step) {
  store::Record record;
  record.kind = plan::to_string(step.kind);
  record.parts = step.parts;
  return record;
}

// A step that runs nothing: the base, the configuration.
store::Record publish(const StepContext& context, const plan::Step& step, store::Work&& work,
                      const std::vector<std::string>& parents,
                      std::chrono::steady_clock::time_point start) {
  store::Record record = record_of(step);
  record.key = step.key;
  record.spec = context.inputs.spec.name;
  record.step = step.name;
  record.parents = parents;
  record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return context.store.publish(std::move(work), std::move(record));
}

void unpack_base(const StepContext& context, const plan::Step& step, int target) {
  const Inputs& inputs = context.inputs;
  const std::uint64_t total =
      static_cast<std::uint64_t>(sys::fstat(inputs.base_archive.get()).st_size);
  layer::UnpackOptions options;
  options.digests = {HashAlgorithm::sha256};
  options.warnings = &context.observer;
  options.progress = [&](std::uint64_t done) {
    context.observer.progress("unpack " + inputs.base_name, done, total);
  };
  options.check_interrupt = [] { sys::check_interrupt(); };
  if (::lseek(inputs.base_archive.get(), 0, SEEK_SET) != 0)
    throw SysError(errno, "read " + quoted(inputs.base_name));
  const layer::UnpackSummary summary =
      layer::unpack_archive(inputs.base_archive.get(), inputs.base_name, target, options);
  // The key names the bytes that were digested: an archive that changed since must not pass.
  const std::string keyed = "sha256:" + summary.digests.front().hex();
  if (step.parts.dump().find(summary.digests.front().hex()) == std::string::npos)
    throw Error(
        "unpack " + quoted(inputs.base_name) + ": it changed while it was read (now " + keyed + ")",
        ExitCode::input)
        .set_hint("build again when nothing writes to it");
}

void write_config(const StepContext& context, const store::Work& work,
                  const std::vector<std::string>& parents) {
  const Inputs& inputs = context.inputs;
  StepRoot root(context.store, work, parents, {});
  {
    const sys::Fd mount = root.mount();
    portage::write_config(mount.get(), inputs.config_files);
    if (const std::string& directory = inputs.spec.portage.config_dir; !directory.empty()) {
      const sys::Fd source = sys::open(resolve_path(inputs, directory), O_RDONLY | O_DIRECTORY);
      portage::copy_config_dir(source.get(), mount.get(), inputs.config_files);
    }
  }
  root.finish();
}

bool has_signature_keys(const StepRoot& root) {
  const sys::Fd mount = root.mount();
  return sys::try_open_beneath(mount.get(), std::string(portage::kSignatureKeys), O_PATH,
                               sys::Resolve::in_root)
      .has_value();
}

store::Record run_phase(const StepContext& context, const plan::Step& step, const StepInfo& info,
                        const std::vector<std::string>& parents) {
  const spec::Phase& phase = phase_of(context.inputs, step);
  if (runs_by_package(context.inputs, phase))
    if (auto record = run_by_package(context, step, phase, parents)) return std::move(*record);
  Workbench bench(context, phase, info, parents);
  Shown shown;
  // A script may run emerge, too.
  shown.distfiles =
      phase.emerge.atoms.empty() ? all_distfiles(context) : phase_distfiles(context, phase, bench);
  if (!phase.emerge.atoms.empty() &&
      context.supplies->show_hosts(phase.name, bench.root().scratch("hosts")))
    shown.hosts = bench.root().scratch("hosts");
  const bool of_root = builds_root(phase);
  if (of_root)
    prepare_root(context, phase, bench);
  else
    bench.copy_files();
  const bool own_keys = shown.hosts.empty() || has_signature_keys(bench.root());
  const std::vector<Deed> deeds = deeds_of(context.inputs, phase);
  // A ROOT is finished when the packages are in it, before anything else is done with it.
  const auto later = std::find_if(deeds.begin(), deeds.end(),
                                  [](const Deed& deed) { return deed.name != "emerge"; });
  for (auto at = deeds.begin(); at != deeds.end(); ++at) {
    const Deed& deed = *at;
    if (of_root && at == later) finish_root(context, phase, bench, shown);
    if (deed.name == "unmerge" || deed.name == "depclean") {
      bench.run_removing(deed, shown);
      continue;
    }
    bench.run(deed, shown);
    if (deed.name != "emerge" || shown.hosts.empty()) continue;
    // What Portage's trust helper made to verify packages is no part of the result: it holds a
    // secret key, another one each time. Nor are copies of indexes, below a ROOT of its own.
    if (!own_keys) bench.remove_made(std::string(portage::kSignatureKeys));
    if (phase.root != "/")
      bench.remove_made(phase.root.substr(1) + std::string(portage::kBinaryHostsCache));
  }
  if (of_root && later == deeds.end()) finish_root(context, phase, bench, shown);
  bench.trim_files();
  bench.remove_files();
  return bench.publish(record_of(step));
}

}  // namespace

std::vector<std::string> step_targets(const Inputs& inputs) {
  std::vector<std::string> targets = sandbox::own_targets();
  for (const char* target : {"/tmp", "/var/tmp", "/run"}) targets.emplace_back(target);
  for (const portage::CheckedRepository& repository : inputs.repositories)
    targets.push_back(portage::repository_location(repository.name));
  targets.emplace_back(portage::kDistfilesDirectory);
  targets.emplace_back(portage::kPackagesDirectory);
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

sandbox::Network sandbox_network(spec::Network network) {
  switch (network) {
    case spec::Network::none:
      break;
    case spec::Network::fetch:
      return sandbox::Network::fetch;
    case spec::Network::host:
      return sandbox::Network::host;
  }
  return sandbox::Network::none;
}

void add_network(sandbox::Settings& settings, sandbox::Network network,
                 const std::string& directory) {
  settings.network = network;
  if (network == sandbox::Network::none) return;
  sys::ensure_directories(AT_FDCWD, directory);
  const sys::Fd fd = sys::open(directory, O_RDONLY | O_DIRECTORY);
  settings.mounts.push_back(sandbox::resolver_mount(fd.get(), network));
}

std::string phase_distfiles(const StepContext& context, const spec::Phase& phase,
                            const Workbench& bench, const std::string& cpv) {
  const std::string directory = bench.scratch_directory("distfiles");
  context.supplies->link(phase.name, sys::open(directory, O_RDONLY | O_DIRECTORY).get(), cpv);
  return directory;
}

std::string all_distfiles(const StepContext& context) {
  return fetches_distfiles(context.inputs) ? context.store.distfiles_path()
                                           : context.inputs.distfiles;
}

std::string failure_name(const spec::BuildSpec& spec, const std::string& step) {
  return spec.name + ':' + step;
}

store::Record run_step(const StepContext& context, const plan::Step& step, const StepInfo& info,
                       const std::vector<std::string>& parents) {
  if (step.kind == plan::StepKind::phase) return run_phase(context, step, info, parents);
  const auto start = std::chrono::steady_clock::now();
  store::Work work = context.store.begin_step(step.name, parents.empty() ? "" : parents.back());
  if (step.kind == plan::StepKind::base && context.inputs.base_image)
    unpack_base_image(context.inputs, context.store, work, context.observer);
  else if (step.kind == plan::StepKind::base)
    unpack_base(context, step, work.fs_fd());
  else
    write_config(context, work, parents);
  return publish(context, step, std::move(work), parents, start);
}

}  // namespace gbox::build
