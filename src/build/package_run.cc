#include "package_run.h"

#include <algorithm>
#include <utility>

#include "binary_package.h"
#include "costs.h"
#include "deeds.h"
#include "gbox/base/text.h"
#include "gbox/plan/package.h"
#include "supplies.h"

namespace gbox::build {

namespace {

using Planned = portage::PlannedPackage;
using OrderKind = plan::Order::Kind;

constexpr std::chrono::milliseconds kLookAtHeld{500};

// A peak is seen by samples, and of another build: some more is set aside for the next one.
constexpr std::uint64_t kLeastMemory = std::uint64_t{256} << 20;
std::uint64_t expected_memory(std::uint64_t peak_bytes) {
  return std::max(kLeastMemory, peak_bytes + peak_bytes / 4);
}

plan::Limits limits_of(const Effort& effort) {
  plan::Limits limits;
  limits.packages = effort.packages;
  limits.jobs = effort.jobs;
  limits.batch = kMaxBatch;
  limits.memory_bytes = effort.memory_bytes;
  limits.memory_of_job = kMemoryOfJob;
  return limits;
}

std::string worded(std::size_t count, const std::string& one) {
  return (count == 1 ? "one" : std::to_string(count)) + ' ' + one + (count == 1 ? "" : "s");
}

}  // namespace

PackageRun::PackageRun(const StepContext& context, const spec::Phase& phase,
                       const portage::EmergePlan& plan, const std::vector<PackageStep>& steps,
                       Chain& chain)
    : context_(context),
      phase_(phase),
      plan_(plan),
      steps_(steps),
      chain_(chain),
      schedule_(tasks(), limits_of(context.effort)) {}

const Planned& PackageRun::package(std::size_t task) const {
  return plan_.packages[steps_[task].index];
}

bool PackageRun::in_store(std::size_t task) const {
  const PackageStep& step = steps_[task];
  return step.reusable && !step.key.empty() && context_.store.peek_package(step.key).has_value();
}

bool PackageRun::is_being_built(const std::string& key) const {
  return !key.empty() && std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& job) {
    return job.order.kind != OrderKind::merge && steps_[job.order.first].key == key;
  });
}

std::vector<plan::Task> PackageRun::tasks() const {
  const Costs costs(context_.store.packages());
  std::vector<plan::Task> tasks;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Planned& planned = package(i);
    plan::Task task;
    task.root = planned.id.root;
    task.built = in_store(i);
    task.at_its_turn = steps_[i].key.empty() || !steps_[i].reusable;
    for (const std::size_t node : planned.builds_with)
      if (node < plan_.packages.size()) task.needs.push_back(node);
    for (const portage::Need& need : planned.needs)
      if (need.node < plan_.packages.size() && need.node != i && (need.build || need.run))
        task.depends.push_back(need.node);
    const Cost cost = costs.of(planned).value_or(Cost{});
    task.seconds = cost.seconds;
    if (cost.peak_bytes != 0) task.memory_bytes = expected_memory(cost.peak_bytes);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// What the key of the chain is once `task` is on it.
std::string PackageRun::key_after(const std::string& key, std::size_t task) const {
  const PackageStep& step = steps_[task];
  const Json what = step.key.empty() ? Json::array({"uninstall", package(task).id.cpv})
                                     : Json::array({"package", step.key});
  return plan::key_of(plan::merge_parts(key, Json::array({what}), package(task).id.root));
}

StepInfo PackageRun::info_of(std::size_t task, const std::string& key) const {
  StepInfo info;
  info.name = steps_[task].name;
  info.phase = phase_.name;
  info.key = key;
  info.part = true;
  info.index = static_cast<unsigned>(task + 1);
  info.total = static_cast<unsigned>(steps_.size());
  return info;
}

void PackageRun::run() {
  std::vector<std::string> cpvs;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (!in_store(i)) cpvs.push_back(package(i).id.cpv);
  if (!cpvs.empty()) context_.supplies->need(phase_.name, cpvs);
  for (;;) {
    begin();
    if (schedule_.finished()) break;
    watch();
  }
  if (!failures_.empty()) fail();
  if (context_.supplies->lacks_something()) context_.supplies->finish();
}

// The number of tasks from `first` on that a snapshot of the store stands for; 0: none does. One
// that holds several was made by one emerge.
std::size_t PackageRun::find_made(std::size_t first) {
  const std::vector<std::string> on = chain_.snapshots();
  std::string key = chain_.key();
  for (std::size_t i = first; i < std::min(steps_.size(), first + kMaxBatch); ++i) {
    key = key_after(key, i);
    const auto known = context_.store.peek_record(key);
    if (!known || known->parents != on) continue;
    const auto record = context_.store.find_record(key);
    if (!record) continue;
    for (std::size_t j = first; j <= i; ++j) context_.observer.step_cached(info_of(j, key));
    chain_.push(*record, key);
    return i + 1 - first;
  }
  return 0;
}

void PackageRun::begin() {
  for (;;) {
    while (const auto turn = schedule_.turn()) {
      const std::size_t count = find_made(*turn);
      if (count == 0) break;
      schedule_.merged(count);
    }
    const auto order = schedule_.next();
    if (!order) return;
    if (order->kind == OrderKind::merge)
      merge(*order);
    else
      build(*order);
  }
}

void PackageRun::start(Job job, Deed deed, const Shown& shown) {
  job.bench->start(std::move(deed), shown);
  jobs_.push_back(std::move(job));
}

void PackageRun::build(const plan::Order& order) {
  const std::size_t task = order.first;
  const PackageStep& step = steps_[task];
  const Planned& planned = package(task);
  if (!context_.supplies->is_settled(phase_.name, planned.id.cpv)) {
    schedule_.hold(order);
    held_.insert(task);
    return;
  }
  Job job;
  job.order = order;
  job.start = Clock::now();
  // What is only built ends up on no chain: it goes by the package's own key.
  job.info =
      info_of(task, order.kind == OrderKind::build ? step.key : key_after(chain_.key(), task));
  // The same package for another root is being built already: nothing to tell of.
  if (is_being_built(step.key)) {
    schedule_.hold(order);
    held_.insert(task);
    return;
  }
  if (!step.key.empty()) {
    sys::LockHolder holder;
    auto lock = context_.store.try_lock_key(step.key, "gbox build, step " + step.name, &holder);
    // Another build may have made it meanwhile.
    if (!lock || in_store(task)) {
      schedule_.hold(order);
      held_.insert(task);
      if (!lock) context_.observer.waiting(step.name + " of " + sys::describe(holder));
      return look_at_held();
    }
    job.lock = std::move(*lock);
  }
  ran_.insert(task);
  context_.observer.step_started(job.info);
  job.bench = std::make_unique<Workbench>(context_, phase_, job.info, chain_.snapshots());
  if (planned.operation == Planned::Operation::uninstall)
    return start(std::move(job), uninstall_deed(context_.inputs, planned.id), {});
  Workbench& bench = *job.bench;
  Shown shown;
  shown.distfiles = phase_distfiles(context_, phase_, bench, planned.id.cpv);
  shown.packages = bench.scratch_directory("packages");
  shown.packages_access = sandbox::Access::read_write;
  const CompileOptions options{order.jobs, order.kind == OrderKind::make};
  start(std::move(job), compile_deed(context_.inputs, planned.id, bench.root(), options), shown);
}

void PackageRun::merge(const plan::Order& order) {
  std::vector<std::string> cpvs;
  std::vector<store::Package> packages;
  std::string key = chain_.key();
  for (std::size_t i = order.first; i < order.first + order.count; ++i) {
    // Its bytes become files of the image: a damaged one is dropped, and built again.
    auto found = context_.store.find_package(steps_[i].key);
    if (!found || !context_.store.verify_package(*found)) {
      context_.store.forget_package(steps_[i].key);
      context_.observer.warn(
          {"the binary package of " + quoted(package(i).id.cpv) + " in the store is damaged",
           "it is built again"});
      schedule_.again(order, order.jobs);
      schedule_.unbuilt(i);
      return;
    }
    key = key_after(key, i);
    cpvs.push_back(package(i).id.cpv);
    packages.push_back(std::move(*found));
  }
  Job job;
  job.order = order;
  job.start = Clock::now();
  job.info = info_of(order.first + order.count - 1, key);
  job.info.reason = "in the store";
  job.bench = std::make_unique<Workbench>(context_, phase_, job.info, chain_.snapshots());
  context_.observer.progress("merge " + worded(order.count, "package"), 0, 0);
  Shown shown;
  shown.packages = job.bench->scratch_directory("packages");
  show_packages(context_.store, packages, shown.packages);
  start(std::move(job), merge_deed(context_.inputs, cpvs, package(order.first).id.root), shown);
}

void PackageRun::watch() {
  std::vector<Watched*> all;
  for (Job& job : jobs_) all.push_back(&job.bench->running());
  pump(all);
  context_.observer.tick();
  context_.supplies->tell();
  // All that is missing is told at once, when the rest has arrived; nothing is begun until then.
  if (context_.supplies->lacks_something()) schedule_.stop();
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    if (job->bench->running().is_open()) {
      ++job;
      continue;
    }
    Job done = std::move(*job);
    job = jobs_.erase(job);
    end(std::move(done));
  }
  if (!held_.empty() && Clock::now() - looked_ > kLookAtHeld) look_at_held();
}

// Whether what others build is there, or they have given it up.
void PackageRun::look_at_held() {
  looked_ = Clock::now();
  for (auto at = held_.begin(); at != held_.end();) {
    const std::size_t task = *at;
    const bool there = in_store(task);
    if (there) schedule_.built(task);
    if (there || (context_.supplies->is_settled(phase_.name, package(task).id.cpv) &&
                  (steps_[task].key.empty() ||
                   context_.store.try_lock_key(steps_[task].key, "gbox build")))) {
      schedule_.release(task);
      at = held_.erase(at);
    } else {
      ++at;
    }
  }
}

void PackageRun::end(Job job) {
  try {
    job.bench->finish();
  } catch (const StepFailed& error) {
    return failed(job, error);
  }
  switch (job.order.kind) {
    case OrderKind::build:
      return built(job);
    case OrderKind::make:
      return made(job);
    case OrderKind::merge:
      return merged(job);
  }
}

// Puts the binary package that a job has made into the store.
bool PackageRun::keep(Job& job) {
  const PackageStep& step = steps_[job.order.first];
  store::Package made;
  made.key = step.key;
  made.spec = context_.inputs.spec.name;
  made.step = step.name;
  made.phase = phase_.name;
  made.cpv = package(job.order.first).id.cpv;
  made.parts = step.parts;
  made.log = job.bench->log_name();
  made.seconds = std::chrono::duration<double>(Clock::now() - job.start).count();
  made.peak_bytes = job.bench->peak_memory_bytes();
  return keep_package(context_, job.bench->scratch_directory("packages"), std::move(made));
}

void PackageRun::built(Job& job) {
  chain_.add_log(job.bench->log_name());
  if (keep(job))
    schedule_.ended(job.order);
  else
    schedule_.ended_without_package(job.order);
  context_.store.forget_failed(failure_name(context_.inputs.spec, job.info.name));
  context_.observer.step_done(job.info,
                              std::chrono::duration<double>(Clock::now() - job.start).count());
}

void PackageRun::made(Job& job) {
  const PackageStep& step = steps_[job.order.first];
  if (step.key.empty()) {
    publish(job, "uninstall", Json::array(), {{"package", step.key}});
  } else {
    if (step.reusable) (void)keep(job);
    publish(job, "package", step.parts, {{"package", step.key}});
  }
  context_.observer.step_done(job.info,
                              std::chrono::duration<double>(Clock::now() - job.start).count());
}

void PackageRun::merged(Job& job) {
  const plan::Order& order = job.order;
  Json names = Json::array();
  for (std::size_t i = order.first; i < order.first + order.count; ++i)
    names.push_back(steps_[i].name);
  const PackageStep& last = steps_[order.first + order.count - 1];
  publish(job, "merge", last.parts, {{"package", last.key}, {"merged", std::move(names)}});
  for (std::size_t i = order.first; i < order.first + order.count; ++i)
    if (!ran_.contains(i)) context_.observer.step_cached(info_of(i, job.info.key));
}

void PackageRun::publish(Job& job, const char* kind, const Json& parts, Json extra) {
  store::Record record;
  record.kind = kind;
  record.parts = parts;
  record.extra = std::move(extra);
  record = job.bench->publish(std::move(record));
  context_.store.forget_failed(failure_name(context_.inputs.spec, job.info.name));
  chain_.push(record, job.info.key);
  schedule_.ended(job.order);
}

void PackageRun::failed(const Job& job, const StepFailed& error) {
  const plan::Order& order = job.order;
  const std::string name = quoted(job.info.name);
  const unsigned tries = ++tries_[order.first];
  if (error.out_of_memory && (order.jobs > 1 || !jobs_.empty())) {
    const unsigned jobs = std::max(1u, order.jobs / 2);
    context_.observer.warn({name + " ran out of memory at '-j" + std::to_string(order.jobs) + "'",
                            order.jobs > 1 ? "it is built again at '-j" + std::to_string(jobs) + "'"
                                           : "it is built again with nothing beside it"});
    return schedule_.again(order, jobs);
  }
  if (order.kind != OrderKind::merge && tries < context_.effort.attempts) {
    context_.observer.warn({name + " failed (" + std::to_string(tries) + " of " +
                                std::to_string(context_.effort.attempts) + " tries)",
                            "it is built again"});
    return schedule_.again(order, order.jobs);
  }
  failures_.push_back(error);
  schedule_.failed(order, context_.effort.keep_going);
  if (!context_.effort.keep_going && !jobs_.empty())
    context_.observer.warn({name + " failed; " + worded(jobs_.size(), "other package") +
                                (jobs_.size() == 1 ? " is" : " are") + " still being built",
                            "what they have done so far is not thrown away; Ctrl-C ends them"});
}

void PackageRun::fail() const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (schedule_.is_kept(i)) ++kept;
  const std::string begin =
      kept == 0 ? "" : worded(kept, "package") + (kept == 1 ? " is kept · " : " are kept · ");
  StepFailed error = failures_.front();
  const std::vector<std::size_t> lost = schedule_.given_up();
  if (failures_.size() > 1 || !lost.empty()) {
    std::string message = "phase " + quoted(phase_.name) + ": " + std::to_string(failures_.size()) +
                          " of " + worded(steps_.size(), "package") + " failed";
    for (const StepFailed& each : failures_) message += '\n' + std::string(each.what());
    std::vector<std::string> names;
    for (const std::size_t each : lost) names.push_back(package(each).id.cpv);
    if (!names.empty()) message += "\nnot built, as they need these: " + quoted_list(names);
    const std::string hint = error.hint();
    error = StepFailed(message, ExitCode::step);
    error.set_hint(hint);
  }
  error.set_hint(begin + std::string(error.hint()));
  throw error;
}

}  // namespace gbox::build
