#include "forecast.h"

#include <algorithm>

#include "ask.h"
#include "cache_directories.h"
#include "emerge_phase.h"
#include "gbox/base/text.h"
#include "package_facts.h"
#include "settle.h"

namespace gbox::build {

namespace {

// Before the directory that a package is to come from.
const std::string kFrom = "from ";

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
  const auto last = context.store.latest_package_of(step.name, context.inputs.spec.name);
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

void tell(const StepContext& context, const std::string& phase,
          const std::vector<plan::PlannedStep>& packages) {
  std::size_t kept = 0;
  std::size_t elsewhere = 0;
  std::size_t unknown = 0;
  double seconds = 0;
  for (const plan::PlannedStep& package : packages) {
    if (package.cached) {
      ++(package.reason.starts_with(kFrom) ? elsewhere : kept);
      continue;
    }
    seconds += package.seconds;
    if (package.seconds == 0) ++unknown;
  }
  std::string text = package_counts(phase, packages.size(), kept, elsewhere);
  if (seconds != 0) text += " (the last time " + human_duration(seconds);
  if (seconds != 0 && unknown != 0) text += " for all but " + std::to_string(unknown);
  if (seconds != 0) text += ')';
  context.observer.fact("plan", text);
}

}  // namespace

std::vector<plan::PlannedStep> with_packages(const StepContext& context,
                                             std::vector<plan::PlannedStep> planned) {
  // The configuration is some files: once the base is there it is written, so that Portage can be
  // asked what it means.
  const auto next = std::find_if(planned.begin(), planned.end(), [](const plan::PlannedStep& step) {
    return !step.cached && step.step.kind != plan::StepKind::config;
  });
  if (next == planned.end()) return planned;
  const spec::Phase* phase = phase_named(context.inputs, next->step.phase);
  if (phase == nullptr || phase->emerge.atoms.empty()) return planned;
  std::vector<std::string> parents;
  for (auto step = planned.begin(); step != next; ++step) {
    if (!step->cached)
      (void)ensure_step(context, step->step,
                        {step->step.name, "", step->step.key, "to ask Portage"}, parents);
    const auto record = context.store.peek_record(step->step.key);
    if (!record || record->parents != parents) return planned;  // it will run again
    parents.push_back(record->snapshot);
  }
  context.observer.progress("plan " + phase->name, 0, 0);
  const portage::EmergePlan plan = ask_emerge(context, *phase, parents);
  require_plan(plan, *phase);
  if (plan.source != portage::EmergePlan::Source::data || !runs_by_package(context.inputs, *phase))
    return planned;
  std::vector<plan::PlannedStep> packages;
  const Installed installed(context.store, parents);
  for (const PackageStep& step : package_steps(context, *phase, plan, installed, parents))
    packages.push_back(planned_package(context, step, plan.packages[step.index], phase->name));
  if (!packages.empty()) tell(context, phase->name, packages);
  planned.insert(next, packages.begin(), packages.end());
  return planned;
}

}  // namespace gbox::build
