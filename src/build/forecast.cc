#include "forecast.h"

#include <algorithm>
#include <map>
#include <set>

#include "ask.h"
#include "cache_directories.h"
#include "costs.h"
#include "emerge_phase.h"
#include "gbox/base/text.h"
#include "gbox/sys/fd.h"
#include "package_facts.h"
#include "settle.h"
#include "supplies.h"

namespace gbox::build {

namespace {

using Planned = portage::PlannedPackage;

// Before the directory that a package is to come from.
const std::string kFrom = "from ";

// At the end of the names of such steps; see package_facts.h.
const std::string kToSlash = "@/";

const spec::Phase* phase_named(const Inputs& inputs, const std::string& name) {
  for (const spec::Phase& phase : inputs.spec.phases)
    if (phase.name == name) return &phase;
  return nullptr;
}

plan::PlannedStep planned_package(const StepContext& context, const PackageStep& step,
                                  const portage::PlannedPackage& package,
                                  const std::string& phase) {
  plan::PlannedStep planned;
  planned.step.name = step.name;
  planned.step.phase = phase;
  planned.step.package = package.id.cpv;
  planned.step.key = step.key;
  planned.step.parts = step.parts;
  if (step.key.empty()) {
    planned.reason = "uninstalled";
    return planned;
  }
  planned.cached = step.reusable && context.store.peek_package(step.key).has_value();
  auto last = context.store.latest_package_of(step.name, context.inputs.spec.name);
  // What went to '/' and to another root is one package, known by the step that came first.
  if (!last)
    last = context.store.latest_package_of(step.name.ends_with(kToSlash)
                                               ? step.name.substr(0, step.name.size() - 2)
                                               : step.name + kToSlash,
                                           context.inputs.spec.name);
  if (last) planned.seconds = last->seconds;
  if (planned.cached) return planned;
  if (step.reusable && context.caches != nullptr)
    if (const auto place = context.caches->find(step.key)) {
      planned.cached = true;
      planned.reason = kFrom + quoted(*place);
      return planned;
    }
  planned.reason = last ? join(plan::explain(last->parts, step.parts, ""), ", ") : "first build";
  if (planned.reason.empty()) planned.reason = "it is no longer in the store";
  return planned;
}

// Of all at once, for what planned_package() asks one by one.
void look_for_packages(const StepContext& context, const std::vector<PackageStep>& steps) {
  if (context.caches == nullptr || !context.caches->has_any()) return;
  std::vector<std::string> keys;
  for (const PackageStep& step : steps)
    if (step.reusable && !step.key.empty() && !context.store.peek_package(step.key))
      keys.push_back(step.key);
  context.caches->look_for(keys);
}

// The files of what is compiled that are not here yet. Whether one is here is told by its size, as
// its digests are looked at when it is used.
void add_distfiles(const StepContext& context, BuildPlan& result) {
  const std::string& own = context.inputs.distfiles;
  if (!fetches_distfiles(context.inputs)) return;
  const auto is_here = [&](const portage::Distfile& file) {
    for (const std::string& directory : {context.store.distfiles_path(), own}) {
      if (directory.empty()) continue;
      const auto status = sys::try_fstatat(AT_FDCWD, directory + '/' + file.name, 0);
      if (status && (!file.size || *file.size == static_cast<std::uint64_t>(status->st_size)))
        return true;
    }
    return false;
  };
  std::set<std::string> counted;
  for (std::size_t i = 0; i < result.packages.size(); ++i) {
    if (result.packages[i].in_store) continue;
    for (const portage::Distfile& file : result.emerge.packages[i].distfiles) {
      if (is_here(file)) continue;
      PackageOutlook& package = result.packages[i];
      ++package.fetch_files;
      package.fetch_bytes += file.size.value_or(0);
      if (!counted.insert(file.name).second) continue;
      ++result.fetch_files;
      result.fetch_bytes += file.size.value_or(0);
      if (!file.size) ++result.fetch_unsized;
    }
  }
}

// What comes from binary package hosts, by name as the store keeps it.
void add_host_packages(const StepContext& context, BuildPlan& result) {
  if (context.supplies == nullptr) return;
  const std::vector<std::string> names = context.supplies->missing_packages(result.emerge);
  const std::set<std::string> missing(names.begin(), names.end());
  for (std::size_t i = 0; i < result.packages.size(); ++i) {
    const auto& binary = result.emerge.packages[i].binary;
    if (!binary || !binary->remote) continue;
    if (!missing.contains(binary->path.substr(binary->path.rfind('/') + 1))) continue;
    result.packages[i].fetch_files = 1;
    result.packages[i].fetch_bytes = binary->size.value_or(0);
    ++result.fetch_files;
    result.fetch_bytes += binary->size.value_or(0);
    if (!binary->size) ++result.fetch_unsized;
  }
}

// What is compiled, and how long that will take.
void add_estimate(const StepContext& context, BuildPlan& result) {
  const Costs costs(context.store.packages());
  std::vector<plan::TimedTask> tasks;
  for (std::size_t i = 0; i < result.packages.size(); ++i) {
    const Planned& package = result.emerge.packages[i];
    PackageOutlook& outlook = result.packages[i];
    if (outlook.step && outlook.seconds == 0) outlook.seconds.reset();
    if (const auto cost = costs.of(package); cost && !outlook.seconds)
      outlook.seconds = cost->seconds;
    plan::TimedTask task;
    const bool compiled = package.kind == Planned::Kind::ebuild && !outlook.in_store &&
                          package.operation == Planned::Operation::merge;
    task.seconds = compiled ? outlook.seconds : 0;
    task.after = package.builds_with;
    tasks.push_back(std::move(task));
  }
  result.jobs = context.effort.packages;
  result.estimate = plan::estimate(tasks, result.jobs);
}

// Emerge phases behind that one: what they need depends on what it does.
void add_later(const StepContext& context, BuildPlan& result) {
  bool behind = false;
  for (const plan::PlannedStep& step : result.steps) {
    if (step.step.package) continue;
    const spec::Phase* phase = phase_named(context.inputs, step.step.phase);
    if (behind && phase != nullptr && !phase->emerge.atoms.empty())
      result.later.push_back(phase->name);
    if (step.step.phase == result.phase) behind = true;
  }
}

}  // namespace

BuildPlan with_packages(const StepContext& context, std::vector<plan::PlannedStep> planned) {
  BuildPlan result;
  // The configuration is some files: once the base is there it is written, so that Portage can be
  // asked what it means.
  const auto next = std::find_if(planned.begin(), planned.end(), [](const plan::PlannedStep& step) {
    return !step.cached && step.step.kind != plan::StepKind::config;
  });
  const auto steps_alone = [&] {
    result.steps = std::move(planned);
    return std::move(result);
  };
  if (next == planned.end()) return steps_alone();
  const spec::Phase* phase = phase_named(context.inputs, next->step.phase);
  if (phase == nullptr || phase->emerge.atoms.empty()) return steps_alone();
  std::vector<std::string> parents;
  for (auto step = planned.begin(); step != next; ++step) {
    if (!step->cached)
      (void)ensure_step(context, step->step,
                        {step->step.name, "", step->step.key, "to ask Portage"}, parents);
    const auto record = context.store.peek_record(step->step.key);
    // It will run again, or come from where it is shared.
    if (!record || record->parents != parents) return steps_alone();
    step->cached = true;
    step->reason.clear();
    parents.push_back(record->snapshot);
  }
  context.observer.progress("plan " + phase->name, 0, 0);
  result.emerge = ask_emerge(context, *phase, parents);
  const portage::EmergePlan& plan = result.emerge;
  require_plan(plan, *phase, context.inputs.spec.file);
  for (const Warning& warning : plan_warnings(plan, *phase)) context.observer.warn(warning);
  result.phase = phase->name;
  result.root = phase->root;
  result.packages.resize(plan.packages.size());
  const auto first = static_cast<std::size_t>(next - planned.begin());
  std::vector<plan::PlannedStep> packages;
  const bool of_ebuilds =
      std::all_of(plan.packages.begin(), plan.packages.end(), [](const Planned& package) {
        return package.operation == Planned::Operation::uninstall ||
               package.kind == Planned::Kind::ebuild;
      });
  if (plan.source == portage::EmergePlan::Source::data && of_ebuilds &&
      runs_by_package(context.inputs, *phase)) {
    const Installed installed(context.store, parents);
    std::map<std::string, std::string> names;  // of the first step of each key
    const std::vector<PackageStep> steps = package_steps(context, *phase, plan, installed, parents);
    look_for_packages(context, steps);
    for (const PackageStep& step : steps) {
      packages.push_back(planned_package(context, step, plan.packages[step.index], phase->name));
      plan::PlannedStep& planned_step = packages.back();
      PackageOutlook& outlook = result.packages[step.index];
      outlook.step = first + packages.size() - 1;
      outlook.in_store = planned_step.cached;
      if (planned_step.cached && !planned_step.reason.empty() && context.caches != nullptr)
        outlook.place = context.caches->find(step.key).value_or("");
      outlook.seconds = planned_step.seconds;
      if (planned_step.cached || !step.reusable || step.key.empty()) continue;
      const auto [same, is_first] = names.emplace(step.key, step.name);
      if (is_first) continue;
      outlook.in_store = true;  // by then
      planned_step.reason = "built as " + quoted(same->second);
    }
  }
  planned.insert(next, packages.begin(), packages.end());
  result.steps = std::move(planned);
  add_distfiles(context, result);
  add_host_packages(context, result);
  add_estimate(context, result);
  add_later(context, result);
  return result;
}

}  // namespace gbox::build
