#include "gbox/build/build.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <set>
#include <utility>

#include "cache_directories.h"
#include "compiler_check.h"
#include "emerge_phase.h"
#include "epoch.h"
#include "forecast.h"
#include "gbox/base/text.h"
#include "gbox/build/plan.h"
#include "gbox/portage/base.h"
#include "gbox/store/store.h"
#include "gbox/sys/idmap.h"
#include "gbox/sys/interrupt.h"
#include "gbox/sys/machine.h"
#include "gbox/sys/userns.h"
#include "image.h"
#include "image_check.h"
#include "inputs.h"
#include "own_store.h"
#include "packer.h"
#include "phase_mounts.h"
#include "repos_image.h"
#include "settle.h"
#include "sources.h"
#include "step.h"
#include "supplies.h"
#include "waiting.h"

namespace gbox::build {

namespace {

// Before anything is opened or fetched: a mistyped name costs nothing.
void require_phase(const spec::BuildSpec& spec, const std::string& name, const char* option) {
  if (name.empty()) return;
  std::vector<std::string> names;
  for (const spec::Phase& phase : spec.phases) names.push_back(phase.name);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  Error error(std::string(option) + ": no phase " + quoted(name) + " in " + quoted(spec.file) +
                  "; there are " + quoted_list(names),
              ExitCode::usage);
  if (const std::string near = nearest(name, names); !near.empty())
    error.set_hint("did you mean " + quoted(near) + "?");
  throw error;
}

// Before anything is fetched: a helper that is missing would end the build hours later.
void require_networks(const spec::BuildSpec& spec) {
  for (const spec::Phase& phase : spec.phases)
    with_context(to_string(phase.where) + ": network " + quoted(to_string(phase.network)) +
                     " of phase " + quoted(phase.name),
                 [&] { sandbox::require_network(sandbox_network(phase.network)); });
}

// Of a phase that require_phase() has seen.
std::size_t step_of(const plan::Plan& plan, const std::string& phase) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].phase == phase) return i;
  throw Error("internal error: no step of phase " + quoted(phase));
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

// One line for the image's history: what made this layer, in the spec's words. A base of this
// machine is told by its content: where it lies is no part of the image, nor anybody's business.
std::string history_of(const plan::Step& step, const Inputs& inputs) {
  if (step.kind == plan::StepKind::base)
    return "gbox: base " + (inputs.lock.base ? inputs.base_name : inputs.base_digest);
  if (step.kind == plan::StepKind::config) return "gbox: portage configuration";
  return "gbox: phase " + step.phase;
}

// Asked as soon as the base is unpacked: what it lacks would fail much later, in other words.
void check_base(const Inputs& inputs, const store::Store& store, const std::string& snapshot) {
  const sys::Fd root = store.open_snapshot(snapshot);
  (void)portage::check_base(root.get(), inputs.spec, inputs.machine);
}

// What is known of a file at this moment. In the store are only files that were checked; one that
// is to come has digests in the lock and is checked by them.
std::string trust_of(const spec::LockedFile& file, store::Store& store) {
  const bool there = store.open_input(file.sha256()).has_value();
  if (file.signer.empty()) return there ? "not verified, in store" : "locked, not verified";
  return there ? "verified, in store" : "locked";
}

void tell_facts(const Inputs& inputs, store::Store& store, Observer& observer) {
  if (inputs.spec.base.stage3.empty()) {
    observer.fact("base", inputs.base_name);
  } else {
    const spec::LockedBase& base = *inputs.lock.base;
    observer.fact("stage3",
                  inputs.spec.base.stage3 + ' ' + base.stamp + "  " + trust_of(base.file, store));
  }
  for (const spec::Repository& repository : inputs.spec.repositories) {
    std::string text = repository.path;
    if (const auto found = inputs.lock.repositories.find(repository.name);
        found != inputs.lock.repositories.end())
      text = found->second.commit.empty()
                 ? found->second.date + "  " + trust_of(found->second.file, store)
                 : "commit " + found->second.commit.substr(0, 12);
    observer.fact("repo", repository.name + "  " + text);
  }
  for (const auto& [name, host] : inputs.lock.binary_hosts)
    observer.fact("binhost", name + "  " + host.wish + ", index " + host.stamp);
}

const spec::Phase* emerge_phase(const Inputs& inputs, const plan::Step& step) {
  for (const spec::Phase& phase : inputs.spec.phases)
    if (step.kind == plan::StepKind::phase && phase.name == step.phase &&
        !phase.emerge.atoms.empty())
      return &phase;
  return nullptr;
}

// The caches that its phases mount.
std::vector<std::string> cache_ids(const spec::BuildSpec& spec) {
  std::set<std::string> ids;
  for (const spec::Phase& phase : spec.phases)
    for (const spec::PhaseMount& mount : phase.mounts)
      if (mount.kind == spec::PhaseMount::Kind::cache) ids.insert(mount.id);
  return {ids.begin(), ids.end()};
}

// The steps of one build, run in order upon one another.
class Run {
 public:
  Run(Inputs& inputs, Sources& sources, const std::vector<plan::PlannedStep>& planned,
      CacheDirectories* caches = nullptr, const EffortOptions& effort = {})
      : inputs_(inputs),
        sources_(sources),
        planned_(planned),
        context_{inputs, sources.store(), sources.observer()},
        supplies_(context_, sources) {
    context_.supplies = &supplies_;
    context_.caches = caches;
    context_.effort =
        effort_of(effort, inputs.spec.options, sys::usable_processors(), sys::usable_memory());
  }

  // The step of this index, found or made; all before it must be there.
  store::Record step(std::size_t index, const StepInfo& info) {
    const plan::Step& step = inputs_.plan.steps[index];
    if (!store_has(step) && !bring(index)) prepare(index);
    store::Record record = ensure_step(context_, step, info, snapshots_);
    if (context_.caches != nullptr) context_.caches->used(packages_in(record));
    if (auto* const shared = shared_snapshots()) shared->made(step, record, renewed(index));
    snapshots_.push_back(record.snapshot);
    if (step.kind == plan::StepKind::base) {
      if (!inputs_.epoch) inputs_.epoch = base_epoch(sources_.store(), record.snapshot);
      check_base(inputs_, sources_.store(), record.snapshot);
      check_compiler(inputs_, sources_.store(), record.snapshot, sources_.observer());
    }
    return record;
  }

  // Fetches for all emerge phases from `index` on that will run.
  void fetch_ahead(std::size_t index, bool everything) {
    std::vector<const spec::Phase*> phases;
    for (std::size_t i = index; i < planned_.size(); ++i)
      if (const spec::Phase* phase = emerge_phase(inputs_, planned_[i].step);
          phase != nullptr && !planned_[i].cached)
        phases.push_back(phase);
    if (phases.empty()) return;
    open_repositories(inputs_, sources_);
    supplies_.fetch_ahead(phases, snapshots_, everything);
    ahead_ = true;
  }

  void finish_fetching() { supplies_.finish(); }

  // From this step on, none comes from elsewhere: somebody wants to see it run.
  void renew_from(std::size_t index) { renew_from_ = index; }

 private:
  [[nodiscard]] CacheSnapshots* shared_snapshots() const {
    return context_.caches == nullptr ? nullptr : context_.caches->snapshots();
  }
  [[nodiscard]] CacheSnapshots::Renewed renewed(std::size_t index) const {
    return index >= renew_from_ ? CacheSnapshots::Renewed::yes : CacheSnapshots::Renewed::no;
  }

  // Whether another build has made it, and left it where this one may take it.
  bool bring(std::size_t index) {
    CacheSnapshots* const shared = shared_snapshots();
    return shared != nullptr && renewed(index) == CacheSnapshots::Renewed::no &&
           shared->bring(inputs_.plan.steps[index], inputs_.spec.name, snapshots_);
  }

  bool store_has(const plan::Step& step) {
    return sources_.store().find_record(step.key, snapshots_).has_value();
  }

  // What a step that must run needs from elsewhere.
  void prepare(std::size_t index) {
    const plan::Step& step = inputs_.plan.steps[index];
    if (step.kind == plan::StepKind::base) open_base(inputs_, sources_);
    if (step.kind != plan::StepKind::phase) return;
    if (context_.caches != nullptr && !std::exchange(caches_brought_, true))
      context_.caches->bring_caches(cache_ids(inputs_.spec));
    open_repositories(inputs_, sources_);
    const spec::Phase* phase = emerge_phase(inputs_, step);
    if (phase == nullptr) return;
    if (!ahead_) fetch_ahead(index, false);
    (void)supplies_.plan(*phase, snapshots_);
  }

  Inputs& inputs_;
  Sources& sources_;
  const std::vector<plan::PlannedStep>& planned_;
  StepContext context_;
  Supplies supplies_;
  std::vector<std::string> snapshots_;
  bool ahead_ = false;
  bool caches_brought_ = false;
  std::size_t renew_from_ = SIZE_MAX;
};

// As planned, but for what --from says to run again.
std::vector<plan::PlannedStep> planned_steps(const Inputs& inputs, store::Store& store,
                                             const std::string& from) {
  std::vector<plan::PlannedStep> planned = annotate(inputs.plan, inputs.spec, store);
  if (from.empty()) return planned;
  const std::size_t first = step_of(inputs.plan, from);
  store.forget_record(inputs.plan.steps[first].key);
  // And the parts that it was made of. What was compiled stays: it is merged again.
  for (const store::Record& record : store.records())
    if (record.phase == from && record.spec == inputs.spec.name) store.forget_record(record.key);
  for (std::size_t i = first; i < planned.size(); ++i) {
    planned[i].cached = false;
    planned[i].reason = "'--from " + from + "'";
  }
  return planned;
}

// What this build is going to need, although it has not looked for it yet: making room for its
// first steps must not take it from the last.
void keep_needed(const Inputs& inputs, store::Store& store) {
  std::vector<std::string> paths;
  const auto add = [&](const spec::LockedFile& file) {
    paths.push_back("inputs/" + file.sha256().hex());
  };
  if (inputs.lock.base) add(inputs.lock.base->file);
  for (const auto& [name, repository] : inputs.lock.repositories)
    if (repository.commit.empty()) add(repository.file);
  for (const auto& [name, host] : inputs.lock.binary_hosts) add(host.index);
  for (const plan::Step& step : inputs.plan.steps) {
    paths.push_back("records/" + step.key + ".json");
    // A phase that is merged anew takes mostly the packages that it took the last time.
    if (const auto last = store.latest_record_of(step.name, inputs.spec.name))
      for (const std::string& key : packages_in(*last)) paths.push_back("packages/" + key);
  }
  store.keep(paths);
}

// Where the results go.
struct Places {
  bool emits = true;  // an image
  std::vector<oci::OutputTarget> images;
  std::vector<oci::OutputTarget> repositories;
};

oci::Others others_of(const BuildRequest& request) {
  return request.append == Append::yes ? oci::Others::keep : oci::Others::refuse;
}

Places check_places(const BuildRequest& request, const spec::BuildSpec& spec) {
  Places places;
  // Without its last phase there is no image.
  places.emits = request.until.empty() || request.until == spec.phases.back().name;
  places.images = check_outputs(request.outputs, spec, places.emits, others_of(request));
  places.repositories =
      check_repos_outputs(request.repos_outputs, places.images, spec, others_of(request));
  return places;
}

std::vector<OutputInfo> make_outputs(const BuildRequest& request, const Places& places,
                                     Inputs& inputs, Sources& sources, CacheDirectories& caches) {
  const auto begin = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  store::Store& store = sources.store();
  Observer& observer = sources.observer();
  (void)settle(inputs, request.spec, sources);
  if (request.store_limit) {
    keep_needed(inputs, store);
    store.set_limit(*request.store_limit);
  }

  const plan::Plan& plan = inputs.plan;
  std::size_t end = plan.steps.size();
  if (!request.until.empty()) end = step_of(plan, request.until) + 1;
  std::vector<plan::PlannedStep> planned = planned_steps(inputs, store, request.from);
  planned.resize(end);
  std::vector<StepInfo> infos;
  unsigned cached = 0;
  for (std::size_t i = 0; i < end; ++i) {
    infos.push_back(info_of(planned[i], i, end));
    if (planned[i].cached) ++cached;
  }
  tell_facts(inputs, store, observer);
  for (const auto& [phase, policy] : inputs.policies)
    if (const std::string text = widening_text(policy); !text.empty())
      observer.fact("policy", "phase " + quoted(phase) + ": " + text);
  observer.plan(infos, cached);
  // Faults of the spec come before the first hour of work, not after it.
  if (cached < end) open_repositories(inputs, sources);

  // What is written stacks on it, also when all steps are there already.
  if (places.emits && !inputs.spec.base.image.empty()) open_base(inputs, sources);

  LayerPacker packer(inputs.spec, store);
  const bool layered = inputs.spec.output.layers == spec::Layers::phase;
  BackgroundPacker ahead(packer);
  Run run(inputs, sources, planned, &caches, request.effort);
  if (!request.from.empty()) run.renew_from(step_of(plan, request.from));
  std::vector<Built> built;
  std::vector<std::string> chain;
  for (std::size_t i = 0; i < end; ++i) {
    store::Record record = run.step(i, infos[i]);
    if (i == 0) packer.set_image_epoch(packer.epoch().value_or(*inputs.epoch));
    chain.push_back(record.snapshot);
    // Of an image that is built upon, the layers are there.
    const bool packed = i == 0 && inputs.base_image && inputs.spec.output.root == "/";
    if (places.emits && layered && !packed) ahead.add(chain, packer.kind_of(i));
    built.push_back({std::move(record), history_of(plan.steps[i], inputs)});
  }
  if (places.emits) warn_of_future(packer.image_epoch(), observer);
  ahead.finish(observer, [&] {
    sys::check_interrupt();
    observer.tick();
  });
  std::vector<OutputInfo> outputs;
  if (places.emits) {
    const ImageFacts facts = check_image(inputs, store, built, observer);
    outputs =
        emit_image(inputs, sources, built, facts, places.images, packer, begin, others_of(request));
  }
  for (OutputInfo& each : emit_repos_image(inputs, sources, built.front(), places.repositories,
                                           packer, others_of(request)))
    outputs.push_back(std::move(each));
  store.sync();
  return outputs;
}

}  // namespace

BuildPlan make_build_plan(const BuildRequest& request, Masked masked, Observer& observer) {
  Inputs inputs = read_inputs(request.spec, observer);
  store::Store store = open_own_store(request.store, observer);
  const sys::FileLock lease = store.lease("gbox plan " + inputs.spec.name, waiting(observer));
  CacheDirectories caches({request.caches.from, {}, request.caches.snapshots}, store, observer,
                          request.sources);
  Sources sources(request.sources, inputs, store, observer);
  (void)settle(inputs, request.spec, sources);
  open_repositories(inputs, sources, masked);
  StepContext context{inputs, store, observer};
  context.caches = &caches;
  context.effort = effort_of(request.effort, inputs.spec.options, sys::usable_processors(),
                             sys::usable_memory());
  Supplies supplies(context, sources);
  context.supplies = &supplies;  // Portage is shown what binary package hosts offer
  std::vector<plan::PlannedStep> planned = annotate(inputs.plan, inputs.spec, store);
  if (const CacheSnapshots* const shared = caches.snapshots()) shared->foretell(planned);
  BuildPlan plan = with_packages(context, std::move(planned));
  plan.policies = inputs.policies;
  return plan;
}

LockResult lock(const LockRequest& request, Observer& observer) {
  Inputs inputs = read_inputs(request.spec, observer);
  store::Store store = open_own_store(request.store, observer);
  const sys::FileLock lease = store.lease("gbox lock " + inputs.spec.name, waiting(observer));
  Sources sources(request.sources, inputs, store, observer);
  LockResult result;
  result.path = spec::lock_path(request.spec.path);
  result.changes =
      settle(inputs, request.spec, sources, {request.update, request.update_all, request.dry_run});
  return result;
}

void fetch(const BuildRequest& request, Observer& observer) {
  Inputs inputs = read_inputs(request.spec, observer);
  store::Store store = open_own_store(request.store, observer);
  const sys::FileLock lease = store.lease("gbox fetch " + inputs.spec.name, waiting(observer));
  Sources sources(request.sources, inputs, store, observer);
  (void)settle(inputs, request.spec, sources);
  tell_facts(inputs, store, observer);
  open_base(inputs, sources);
  open_repositories(inputs, sources);
  if (!fetches_distfiles(inputs) && inputs.spec.binary_hosts.empty()) return;
  // Only the image's own Portage can tell the rest, and it needs its configuration.
  const std::vector<plan::PlannedStep> planned = annotate(inputs.plan, inputs.spec, store);
  Run run(inputs, sources, planned);
  std::size_t next = 0;
  for (; next < planned.size(); ++next) {
    if (planned[next].step.kind == plan::StepKind::phase && !planned[next].cached) break;
    (void)run.step(next, info_of(planned[next], next, planned.size()));
  }
  run.fetch_ahead(next, true);
  run.finish_fetching();
}

std::vector<OutputInfo> build(const BuildRequest& request, Observer& observer) {
  const auto start = std::chrono::steady_clock::now();
  Inputs inputs = read_inputs(request.spec, observer);
  if (request.effort.jobs) inputs.spec.options.jobs = request.effort.jobs;
  if (request.effort.packages) inputs.spec.options.emerge_jobs = request.effort.packages;
  require_phase(inputs.spec, request.from, "--from");
  require_phase(inputs.spec, request.until, "--until");
  require_networks(inputs.spec);
  inputs.secrets = read_secrets(request.secrets);
  require_secrets(inputs);
  const Places places = check_places(request, inputs.spec);
  store::Store store = open_own_store(request.store, observer);
  const sys::FileLock lease = store.lease("gbox build " + inputs.spec.name, waiting(observer));
  CacheDirectories caches(request.caches, store, observer, request.sources);
  Sources sources(request.sources, inputs, store, observer);
  std::vector<OutputInfo> outputs;
  std::exception_ptr failure;
  try {
    outputs = make_outputs(request, places, inputs, sources, caches);
  } catch (const Interrupted&) {
    failure = std::current_exception();
    sys::forgive_interrupt();  // a second one ends what follows
  } catch (...) {
    failure = std::current_exception();
  }
  // What was finished by then is what the next job need not build.
  caches.write();
  store.keep_limit(store::Measure::now);
  if (const std::uint64_t freed = store.freed_for_limit())
    observer.fact("store", human_size(freed) +
                               " removed, least recently used first, for the limit of " +
                               human_size(*request.store_limit));
  if (failure) std::rethrow_exception(failure);
  observer.build_done(
      outputs, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return outputs;
}

}  // namespace gbox::build
