#include "gbox/build/build.h"

#include <sys/utsname.h>

#include <cerrno>
#include <chrono>

#include "gbox/base/text.h"
#include "gbox/portage/base.h"
#include "gbox/store/store.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/userns.h"
#include "image.h"
#include "inputs.h"
#include "packer.h"
#include "step.h"

namespace gbox::build {

namespace {

store::Store open_store(const std::string& path, WarningSink& warnings) {
  return store::Store::open(path, sys::describe(sys::current_uid_map()), warnings);
}

sys::LockWait waiting(Observer& observer) {
  sys::LockWait wait;
  wait.on_wait = [&](const sys::LockHolder& holder) { observer.waiting(sys::describe(holder)); };
  wait.on_tick = [&] { observer.tick(); };
  return wait;
}

std::size_t require_phase(const plan::Plan& plan, const spec::BuildSpec& spec,
                          const std::string& name, const char* option) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].phase == name) return i;
  std::vector<std::string> names;
  for (const spec::Phase& phase : spec.phases) names.push_back(phase.name);
  Error error(std::string(option) + ": no phase " + quoted(name) + " in " + quoted(spec.file) +
                  "; there are " + quoted_list(names),
              ExitCode::usage);
  if (const std::string near = nearest(name, names); !near.empty())
    error.set_hint("did you mean " + quoted(near) + "?");
  throw error;
}

std::vector<plan::PlannedStep> annotate(const plan::Plan& plan, const spec::BuildSpec& spec,
                                        const store::Store& store) {
  return plan::annotate(plan, [&](const plan::Step& step) {
    plan::Known known;
    known.cached = store.peek_record(step.key).has_value();
    if (const auto last = store.latest_record_of(step.name, spec.name))
      known.last_parts = last->parts;
    return known;
  });
}

StepInfo info_of(const plan::PlannedStep& planned, std::size_t index, std::size_t total) {
  return {planned.step.name,
          planned.step.phase,
          planned.step.key,
          planned.reason,
          static_cast<unsigned>(index + 1),
          static_cast<unsigned>(total)};
}

// The steps from `from` on are forgotten, with all that was built upon them.
void forget_from(store::Store& store, const plan::Plan& plan, std::size_t from) {
  if (store.peek_record(plan.steps[from].key)) store.remove(plan.steps[from].key);
}

// The step's record, found or made. While another gbox makes it, this one waits.
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

// One line for the image's history: what made this layer, in the spec's words.
std::string history_of(const plan::Step& step, const spec::BuildSpec& spec) {
  if (step.kind == plan::StepKind::base) return "gbox: base " + spec.base.tarball;
  if (step.kind == plan::StepKind::config) return "gbox: portage configuration";
  return "gbox: phase " + step.phase;
}

// Asked as soon as the base is unpacked: what it lacks would fail much later, in other words.
void check_base(const Inputs& inputs, const store::Store& store, const std::string& snapshot) {
  utsname machine{};
  if (::uname(&machine) != 0) throw SysError(errno, "read the machine's architecture");
  const sys::Fd root = store.open_snapshot(snapshot);
  (void)portage::check_base(root.get(), inputs.spec, machine.machine);
}

void tell_facts(const Inputs& inputs, Observer& observer) {
  observer.fact("base", inputs.spec.base.tarball);
  for (const portage::CheckedRepository& repository : inputs.repositories)
    observer.fact("repo", repository.name + "  " + repository.path);
}

}  // namespace

std::vector<plan::PlannedStep> plan_build(const BuildRequest& request, Observer& observer) {
  const Inputs inputs = gather_inputs(request.spec, observer);
  const store::Store store = open_store(request.store, observer);
  return annotate(inputs.plan, inputs.spec, store);
}

std::vector<OutputInfo> build(const BuildRequest& request, Observer& observer) {
  const auto start = std::chrono::steady_clock::now();
  const Inputs inputs = gather_inputs(request.spec, observer);
  const plan::Plan& plan = inputs.plan;
  const std::vector<oci::OutputTarget> targets = check_outputs(request.outputs, inputs.spec);
  std::size_t end = plan.steps.size();
  if (!request.until.empty()) end = require_phase(plan, inputs.spec, request.until, "--until") + 1;
  store::Store store = open_store(request.store, observer);
  if (!request.from.empty())
    forget_from(store, plan, require_phase(plan, inputs.spec, request.from, "--from"));

  const sys::FileLock lease = store.lease("gbox build " + inputs.spec.name, waiting(observer));
  const std::vector<plan::PlannedStep> planned = annotate(plan, inputs.spec, store);
  std::vector<StepInfo> infos;
  unsigned cached = 0;
  for (std::size_t i = 0; i < end; ++i) {
    infos.push_back(info_of(planned[i], i, end));
    if (planned[i].cached) ++cached;
  }
  tell_facts(inputs, observer);
  observer.plan(infos, cached);

  const LayerPacker packer(inputs.spec.output, store);
  const bool emits = end == plan.steps.size();
  const bool layered = inputs.spec.output.layers == spec::Layers::phase;
  BackgroundPacker ahead(packer);
  const StepContext context{inputs, store, observer};
  std::vector<Built> built;
  std::vector<std::string> snapshots;
  for (std::size_t i = 0; i < end; ++i) {
    store::Record record = ensure_step(context, plan.steps[i], infos[i], snapshots);
    snapshots.push_back(record.snapshot);
    if (plan.steps[i].kind == plan::StepKind::base) check_base(inputs, store, record.snapshot);
    if (emits && layered) ahead.add(record.snapshot, packer.kind_of(i));
    built.push_back({std::move(record), history_of(plan.steps[i], inputs.spec)});
  }
  ahead.finish(observer, [&] {
    sys::check_interrupt();
    observer.tick();
  });
  std::vector<OutputInfo> outputs;
  if (emits) outputs = emit_image(inputs, store, built, targets, packer, observer);
  store.sync();
  observer.build_done(
      outputs, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return outputs;
}

}  // namespace gbox::build
