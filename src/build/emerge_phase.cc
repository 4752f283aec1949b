#include "emerge_phase.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "cache_directories.h"
#include "chain.h"
#include "deeds.h"
#include "emerge_log.h"
#include "gbox/base/text.h"
#include "gbox/portage/command.h"
#include "package_facts.h"
#include "package_run.h"
#include "root_phase.h"
#include "supplies.h"
#include "workbench.h"

namespace gbox::build {

namespace {

using Planned = portage::PlannedPackage;

// For whoever watches: the number of a plan's packages, and how many of them the store has.
std::string package_counts(const std::string& phase, std::size_t packages, std::size_t kept) {
  return phase + ": " + counted(packages, "package") + ", " + std::to_string(kept) +
         " in the store, " + std::to_string(packages - kept) + " to build";
}

class EmergePhase {
 public:
  EmergePhase(const StepContext& context, const plan::Step& step, const spec::Phase& phase,
              const std::vector<std::string>& parents)
      : context_(context),
        step_(step),
        phase_(phase),
        parents_(parents),
        chain_(context, phase.name, parents,
               step.parent ? context.inputs.plan.steps[*step.parent].key : std::string()),
        installed_(context.store, parents) {}

  std::optional<store::Record> run() {
    for (unsigned pass = 0; pass < phase_.emerge.passes; ++pass) {
      const std::vector<std::string> on = pass == 0 ? parents_ : chain_.snapshots();
      const portage::EmergePlan& plan = context_.supplies->plan(phase_, on);
      const bool by_package = is_of_ebuilds(plan);
      if (pass == 0 && !by_package) return std::nullopt;
      if (pass == 0) copy();
      if (by_package)
        merge_all(plan);
      else
        run_as_one(pass);
    }
    end();
    return publish();
  }

 private:
  using Clock = std::chrono::steady_clock;

  StepInfo part_info(const std::string& name, const std::string& key) const {
    StepInfo info;
    info.name = name;
    info.phase = phase_.name;
    info.key = key;
    info.part = true;
    return info;
  }

  // A part without a package, found or made.
  template <typename Make>
  store::Record part(const std::string& what, Json definition, Make make) {
    Json parts = Json::array({Json::array({"kind", what}), Json::array({"parent", chain_.key()}),
                              Json::array({"definition", std::move(definition)})});
    const StepInfo info = part_info(phase_.name + "/@" + what, plan::key_of(parts));
    auto record = context_.store.find_record(info.key, chain_.snapshots());
    if (!record) {
      Workbench bench(context_, phase_, info, chain_.snapshots());
      make(bench);
      store::Record made;
      made.kind = what;
      made.parts = std::move(parts);
      record = bench.publish(std::move(made));
    }
    chain_.push(*record, info.key);
    return std::move(*record);
  }

  static bool is_of_ebuilds(const portage::EmergePlan& plan) {
    return plan.source == portage::EmergePlan::Source::data && !plan.packages.empty() &&
           std::all_of(plan.packages.begin(), plan.packages.end(), [](const Planned& package) {
             return package.operation == Planned::Operation::uninstall ||
                    package.kind == Planned::Kind::ebuild;
           });
  }

  // A later pass that has nothing to merge, or takes binary packages that are none of gbox's.
  void run_as_one(unsigned pass) {
    (void)part("pass", {{"pass", pass}, {"phase", step_.key}}, [&](Workbench& bench) {
      Shown shown;
      shown.distfiles = phase_distfiles(context_, phase_, bench);
      bench.run(deeds_of(context_.inputs, phase_).at(pass), shown);
    });
    installed_.forget();
    merged_.clear();
  }

  // What ebuilds may read comes first, as in a phase that is run as one.
  void copy() {
    const bool of_root = builds_root(phase_);
    if (phase_.copy.empty() && !of_root) return;
    Json definition = {{"root", phase_.root}};
    for (const char* what : {"copy", "copy_package", "ground"})
      if (const auto found = step_.definition.find(what); found != step_.definition.end())
        definition[what] = *found;
    // What is taken over unsaid is not what the phase merges itself.
    if (of_root) definition["emerge"] = step_.definition.at("emerge");
    for (const Json& one : step_.parts)
      if (one.at(0) == "sources") definition["sources"] = one.at(1);
    const store::Record record =
        part(of_root ? "root" : "copy", std::move(definition), [&](Workbench& bench) {
          if (of_root)
            prepare_root(context_, phase_, bench);
          else
            bench.copy_files();
        });
    note_altered(record.snapshot);
  }

  void end() {
    const store::Record record = part("end", step_.key, [&](Workbench& bench) {
      Shown shown;
      shown.distfiles = bench.scratch_directory("distfiles");
      bench.run(end_deed(context_.inputs, phase_), shown);
      if (const auto more = emerged_packages(bench.log_path()); !more.empty())
        context_.observer.warn(
            {"phase " + quoted(phase_.name) +
                 ": Portage found more to merge after its own plan: " + quoted_list(more),
             "they are part of the result, but were built with the end of the phase; the log: "
             "'gbox log " +
                 phase_.name + "/@end'"});
      if (builds_root(phase_)) finish_root(context_, phase_, bench, shown);
      shown.distfiles = all_distfiles(context_);
      for (const Deed& deed : later_deeds(context_.inputs, phase_)) {
        if (deed.name == "run script")
          bench.run(deed, shown);
        else
          bench.run_removing(deed, shown);
      }
      bench.trim_files();
      bench.remove_files();
    });
    // The world file and the like are not what builds read: only scripts and removals count.
    if (!phase_.run.empty() || !phase_.remove.empty() || phase_.trim) note_altered(record.snapshot);
    if (record.extra.is_object() && record.extra.contains("saved")) saved_ = record.extra["saved"];
  }

  void note_altered(const std::string& snapshot) {
    for (const auto& [path, state] : altered_files(context_.store, snapshot))
      altered_[path] = state;
    installed_.altered(altered_);
  }

  void merge_all(const portage::EmergePlan& plan) {
    const std::vector<PackageStep> steps =
        package_steps(context_, phase_, plan, installed_, chain_.snapshots());
    std::vector<std::string> keys;
    for (const PackageStep& step : steps)
      if (step.reusable && !step.key.empty()) keys.push_back(step.key);
    if (context_.caches != nullptr) context_.caches->bring(phase_.name, keys);
    packages_.insert(packages_.end(), keys.begin(), keys.end());
    tell(steps);
    PackageRun(context_, phase_, plan, steps, chain_).run();
    for (const PackageStep& step : steps) {
      const Planned& package = plan.packages[step.index];
      if (package.operation != Planned::Operation::merge || package.id.root != "/") continue;
      installed_.merged(package.id.cpv, step.key);
      merged_[package.id.cpv] = step.key;
    }
  }

  void tell(const std::vector<PackageStep>& steps) const {
    std::size_t kept = 0;
    for (const PackageStep& step : steps)
      if (step.reusable && !step.key.empty() && context_.store.peek_package(step.key)) ++kept;
    context_.observer.fact("plan", package_counts(phase_.name, steps.size(), kept));
  }

  store::Record publish() {
    context_.observer.progress("flatten " + phase_.name, 0, 0);
    store::Record record;
    record.key = step_.key;
    record.spec = context_.inputs.spec.name;
    record.step = step_.name;
    record.phase = step_.phase;
    record.kind = plan::to_string(step_.kind);
    record.parts = step_.parts;
    if (installed_.is_known()) record.extra = Installed::describe(merged_, altered_);
    record.extra["logs"] = chain_.logs();
    record.extra["packages"] = packages_;
    if (!saved_.is_null()) record.extra["saved"] = saved_;
    record.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return flatten_layers(context_, parents_, chain_.own(), std::move(record));
  }

  const StepContext& context_;
  const plan::Step& step_;
  const spec::Phase& phase_;
  const std::vector<std::string>& parents_;
  Clock::time_point start_ = Clock::now();
  Chain chain_;
  Installed installed_;
  std::map<std::string, std::string> merged_;  // cpv → key
  Altered altered_;
  Json saved_;                         // by the end of the phase; null: nothing
  std::vector<std::string> packages_;  // keys of all packages that are kept, or should be
};

}  // namespace

bool runs_by_package(const Inputs& inputs, const spec::Phase& phase) {
  if (phase.emerge.atoms.empty() || !inputs.spec.binary_hosts.empty()) return false;
  if (!portage::only_merges(phase.emerge.options)) return false;
  const auto features = inputs.spec.portage.make_conf.find("FEATURES");
  if (features == inputs.spec.portage.make_conf.end()) return true;
  const std::vector<std::string> words = split_words(features->second);
  return std::find(words.begin(), words.end(), "buildpkg") == words.end();
}

std::vector<std::string> packages_in(const store::Record& record) {
  std::vector<std::string> keys;
  const auto found = record.extra.find("packages");
  if (!record.extra.is_object() || found == record.extra.end() || !found->is_array()) return keys;
  for (const Json& key : *found)
    if (key.is_string()) keys.push_back(key.get<std::string>());
  return keys;
}

std::optional<store::Record> run_by_package(const StepContext& context, const plan::Step& step,
                                            const spec::Phase& phase,
                                            const std::vector<std::string>& parents) {
  return EmergePhase(context, step, phase, parents).run();
}

}  // namespace gbox::build
