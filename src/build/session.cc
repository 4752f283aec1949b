#include "gbox/build/session.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "emerge_log.h"
#include "find_step.h"
#include "gbox/base/text.h"
#include "gbox/oci/reader.h"
#include "gbox/oci/reference.h"
#include "gbox/portage/command.h"
#include "gbox/store/store.h"
#include "gbox/sys/beneath.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/userns.h"
#include "image_command.h"
#include "import.h"
#include "inputs.h"
#include "lesser_proc.h"
#include "own_store.h"
#include "phase_mounts.h"
#include "policy_trace.h"
#include "registry_image.h"
#include "repos_view.h"
#include "root.h"
#include "settle.h"
#include "sources.h"
#include "step.h"
#include "supplies.h"
#include "terminal.h"

namespace gbox::build {

namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

// The caller's TERM is the one thing of its environment that the sandbox's terminal shares.
void add_terminal(Environment& environment) {
  if (!on_terminal()) return;
  const char* term = std::getenv("TERM");
  std::erase_if(environment, [](const auto& variable) { return variable.first == "TERM"; });
  environment.emplace_back("TERM", term == nullptr ? "dumb" : term);
}

std::string shell_of(int rootfd) {
  const bool bash =
      sys::try_open_beneath(rootfd, "bin/bash", O_PATH, sys::Resolve::in_root).has_value();
  return bash ? "/bin/bash" : "/bin/sh";
}

int run(sandbox::Settings settings, const sandbox::Policy& policy, Trace trace) {
  add_terminal(settings.command.environment);
  (void)sandbox::ensure_targets(settings);  // the changes are not kept: no stub to take away
  std::optional<PolicyTrace> refusals;
  if (trace == Trace::yes) refusals.emplace(settings, policy.name);
  return run_connected(std::move(settings), policy, refusals ? &*refusals : nullptr).code;
}

// Where in the build directory of the package that failed a shell starts, if the log names one and
// it is still there.
struct FailedBuild {
  std::string directory = "/";
  std::string environment;  // the file with all that the ebuild had set; empty: none
};

FailedBuild failed_build(const store::Store& store, const store::FailedStep& failed,
                         const StepRoot& root) {
  FailedBuild build;
  const auto package = failed_package(store.log_path(failed.log));
  if (!package) return build;
  // The log is the step's own: a name that is not a plain CATEGORY/PACKAGE leads nowhere.
  try {
    const std::string relative = "portage/" + sys::normalized_relative(package->cpv);
    const sys::Fd scratch = sys::open(root.scratch("var-tmp"), O_PATH | O_DIRECTORY);
    const auto there = [&](const std::string& path) {
      return sys::try_open_beneath(scratch.get(), path, O_PATH, sys::Resolve::no_symlinks)
          .has_value();
    };
    if (there(relative + "/work")) build.directory = "/var/tmp/" + relative + "/work";
    if (there(relative + "/temp/environment"))
      build.environment = "/var/tmp/" + relative + "/temp/environment";
  } catch (const Error&) {
    // As good as no build directory.
  }
  return build;
}

// What failed under this name: the step, or else the part of a phase that failed last.
std::optional<store::FailedStep> find_failure(const store::Store& store,
                                              const spec::BuildSpec& spec,
                                              const std::string& step) {
  const std::string name = failure_name(spec, step);
  std::optional<store::FailedStep> found = store.find_failed(name);
  if (found) return found;
  for (store::FailedStep& failed : store.failed_steps())
    if (failed.step.starts_with(name + '/') && (!found || failed.created > found->created))
      found = std::move(failed);
  return found;
}

// The phase that a step or a package of one belongs to.
const plan::Step& step_named(const Inputs& inputs, const std::string& name) {
  auto index = inputs.plan.find(name);
  if (!index) index = inputs.plan.find(name.substr(0, name.find('/')));
  if (index) return inputs.plan.steps[*index];
  std::vector<std::string> names;
  for (const plan::Step& known : inputs.plan.steps) names.push_back(known.name);
  throw Error("no step " + quoted(name) + " in " + quoted(inputs.spec.file) + "; there are " +
                  quoted_list(names),
              ExitCode::usage);
}

// The snapshots of a finished step, lowest first.
std::vector<std::string> finished(store::Store& store, const Inputs& inputs, const plan::Step& step,
                                  const std::string& name, Observer& observer) {
  std::optional<store::Record> record;
  if (name == step.name) record = store.find_record(step.key);
  if (!record) {
    record = newest_of(store, name, inputs.spec.name);
    if (record && name == step.name)
      observer.warn({"step " + quoted(name) + " would run again: this is its earlier result",
                     "'gbox plan " + inputs.spec.file + "' tells why"});
  }
  if (!record)
    throw Error("step " + quoted(name) + " has neither finished nor failed", ExitCode::usage)
        .set_hint("run 'gbox build " + inputs.spec.file + "' first");
  return chain_of(*record);
}

}  // namespace

int run_in_image(const RunRequest& request, Observer& observer) {
  const std::string& image = request.image;
  store::Store store = open_own_store(request.store, observer);
  const sys::FileLock lease = store.lease("gbox run");
  std::vector<std::string> snapshots;
  oci::ContainerConfig config;
  const bool remote = oci::names_registry(image);
  if (remote) {
    RegistryImage found = open_registry_image(store, image, request.sources, observer);
    config = std::move(found.config);
    snapshots = std::move(found.snapshots);
  } else if (names_image(image)) {
    const oci::LayoutReader reader(oci::parse_source(image));
    const oci::Image found = reader.pick();
    config = found.config.config;
    snapshots = import_layers(store, reader, found, observer);
  } else {
    snapshots = chain_of(find_step(store, image));
  }
  const store::Work work = store.begin_step("run", snapshots.back());
  const StepRoot root(store, work, snapshots, sandbox::own_targets());
  sandbox::Settings settings;
  settings.root = root.mount();
  if (!request.repositories.empty())
    settings.mounts = repository_mounts(store, work, request.repositories, observer);
  add_lesser_proc(settings, root);
  if (!remote && !names_image(image)) config.cmd = {shell_of(settings.root.get())};
  settings.command = command_of_image(config, request.command, settings.root.get());
  add_network(settings, sandbox_network(request.network), root.scratch("network"));
  return run(std::move(settings), sandbox::load_policy("run"), request.trace);
}

int run_shell(const SpecSource& source, const SourceOptions& options, const std::string& store_path,
              const std::string& step, const std::vector<SecretSource>& secrets, Trace trace,
              Observer& observer) {
  Inputs inputs = read_inputs(source, observer);
  inputs.secrets = read_secrets(secrets);
  store::Store store = open_own_store(store_path, observer);
  const sys::FileLock lease = store.lease("gbox shell " + step);
  Sources sources(options, inputs, store, observer);
  (void)settle(inputs, source, sources);
  open_repositories(inputs, sources);
  const plan::Step& planned = step_named(inputs, step);
  const auto failed = find_failure(store, inputs.spec, step);
  std::optional<store::Work> work;
  if (failed) work = store.open_failed(failed->step);
  const std::vector<std::string> parents =
      failed ? failed->parents : finished(store, inputs, planned, step, observer);
  if (!work) work = store.begin_step("shell", parents.back());
  StepRoot root(store, *work, parents, step_targets(inputs));
  sandbox::Settings settings;
  settings.root = root.mount();
  settings.mounts = step_mounts(inputs, root.scratch("tmp"), root.scratch("var-tmp"),
                                all_distfiles({inputs, store, observer}));
  add_lesser_proc(settings, root);
  settings.command.argv = {shell_of(settings.root.get())};
  settings.command.environment = portage::base_environment();
  if (failed) {
    settings.command.environment = {failed->environment.begin(), failed->environment.end()};
    const FailedBuild build = failed_build(store, *failed, root);
    settings.command.working_directory = build.directory;
    // As the ebuild had it when it failed. A shell that reads a script takes another way in.
    if (!build.environment.empty() && settings.command.argv.front().ends_with("bash")) {
      settings.command.argv.insert(settings.command.argv.end(), {"--init-file", build.environment});
      settings.command.environment.emplace_back("BASH_ENV", build.environment);
    }
  }
  const StepContext context{inputs, store, observer};
  std::optional<PhaseMounts> mounts;  // what is written to caches here is thrown away
  sandbox::Policy policy = sandbox::load_policy("run");
  for (const spec::Phase& phase : inputs.spec.phases) {
    if (phase.name != planned.phase) continue;
    policy = policy_of(inputs, phase);
    add_network(settings, sandbox_network(phase.network), root.scratch("network"));
    mounts.emplace(context, phase, root.scratch("mounts"));
    for (sandbox::Mount& mount : mounts->make(settings.root.get()))
      settings.mounts.push_back(std::move(mount));
  }
  const int status = run(std::move(settings), policy, trace);
  if (failed) root.finish();  // the next shell finds what this one has left
  return status;
}

}  // namespace gbox::build
