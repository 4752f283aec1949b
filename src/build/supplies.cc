#include "supplies.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "ask.h"
#include "cache_directories.h"
#include "emerge_phase.h"
#include "gbox/base/text.h"
#include "gbox/sys/interrupt.h"
#include "root.h"

namespace gbox::build {

namespace {

constexpr std::chrono::milliseconds kLookAgain{50};
// What fails does so early, as a rule: better before the first package than beside it.
constexpr std::chrono::seconds kFirstMoment{5};

}  // namespace

bool fetches_distfiles(const Inputs& inputs) {
  return inputs.distfiles.empty() || !inputs.spec.options.mirrors.empty();
}

DistfilePlaces Supplies::places() const {
  const spec::BuildSpec& spec = context_.inputs.spec;
  DistfilePlaces places;
  places.directory = context_.store.distfiles_path();
  places.own = context_.inputs.distfiles;
  places.mirrors = spec.options.mirrors.empty() ? spec.base.origin.mirrors : spec.options.mirrors;
  return places;
}

Supplies::Supplies(const StepContext& context, Sources& sources)
    : context_(context), sources_(sources), hosts_(context.inputs, sources) {
  if (fetches_distfiles(context.inputs) && !sources.options().offline)
    fetching_.emplace(places(), sources.settings());
}

// In the order in which the packages are merged.
void Supplies::ask_for(std::vector<NeededFile> files, std::span<const portage::EmergePlan> plans) {
  if (files.empty()) return;
  std::vector<std::string> paths;
  for (const NeededFile& file : files) paths.push_back("distfiles/" + file.file.name);
  context_.store.keep(paths);
  if (!fetching_) {
    const DistfilePlaces where = places();
    require_distfiles(missing_distfiles(files, where), files.size(), where);
    return;
  }
  std::map<std::string, std::size_t> turns;
  for (const portage::EmergePlan& plan : plans)
    for (const portage::PlannedPackage& package : plan.packages)
      turns.try_emplace(package.id.cpv, turns.size());
  std::stable_sort(files.begin(), files.end(), [&](const NeededFile& a, const NeededFile& b) {
    return turns[a.owners.front()] < turns[b.owners.front()];
  });
  if (const std::size_t more = fetching_->add(std::move(files)))
    context_.observer.fact("fetch", std::to_string(more) + " source archives needed");
}

// All of them are here, each with one of its digests. Offline, some may lie in the spec's
// directory.
void Supplies::note_digests(const std::vector<NeededFile>& files) {
  for (const NeededFile& needed : files)
    if (!needed.file.digests.empty())
      context_.store.note_digest("distfiles/" + needed.file.name, needed.file.digests.front());
}

void Supplies::wait_for(const std::function<bool()>& done) {
  while (!done()) {
    tell();
    sys::check_interrupt();
    context_.observer.tick();
    std::this_thread::sleep_for(kLookAgain);
  }
  tell();
}

void Supplies::tell() {
  if (fetching_) fetching_->tell(context_.observer);
}

void Supplies::fail() {
  wait_for([this] { return fetching_->is_idle(); });
  require_distfiles(fetching_->missing(), fetching_->asked_for(), places());
  throw Error("internal error: a source archive was neither fetched nor missed");
}

void Supplies::finish() {
  if (!fetching_) return;
  wait_for([this] { return fetching_->is_idle(); });
  if (lacks_something()) fail();
  for (const auto& [phase, planned] : plans_)
    if (planned.plan.ok()) note_digests(needed_distfiles(std::span(&planned.plan, 1)));
}

bool Supplies::lacks_something() const {
  return fetching_ && !fetching_->missing().empty();
}

std::vector<NeededFile> Supplies::files_of(const std::string& phase, const std::string& cpv) const {
  const auto found = plans_.find(phase);
  if (found == plans_.end()) throw Error("internal error: phase " + quoted(phase) + " unplanned");
  std::vector<NeededFile> files;
  for (const NeededFile& file : found->second.needed)
    if (cpv.empty() || std::find(file.owners.begin(), file.owners.end(), cpv) != file.owners.end())
      files.push_back(file);
  return files;
}

bool Supplies::is_settled(const std::string& phase, const std::string& cpv) const {
  return !fetching_ || fetching_->has(files_of(phase, cpv)) || fetching_->is_idle();
}

Supplies::Planned& Supplies::planned(const spec::Phase& phase,
                                     const std::vector<std::string>& parents) {
  const auto known = plans_.find(phase.name);
  if (known != plans_.end() && known->second.parents == parents) return known->second;
  context_.observer.progress("plan " + phase.name, 0, 0);
  Planned& made = plans_[phase.name];
  made = {parents, ask_emerge(context_, phase, parents), {}, false};
  return made;
}

void Supplies::fetch_ahead(const std::vector<const spec::Phase*>& phases,
                           const std::vector<std::string>& parents, bool everything) {
  // Builds that the store knows, which may or may not be the ones that are asked for.
  std::set<std::string> kept;
  if (!everything)
    for (const store::Package& package : context_.store.packages()) kept.insert(package.cpv);
  const bool shared = context_.caches != nullptr && context_.caches->has_any();
  std::vector<portage::EmergePlan> plans;
  std::vector<portage::EmergePlan> of_sources;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const portage::EmergePlan& plan = planned(*phases[i], parents).plan;
    if (!plan.ok()) continue;
    plans.push_back(plan);
    const bool by_package = !everything && runs_by_package(context_.inputs, *phases[i]);
    // The first one asks by itself in a moment; what is shared by directories is known by key.
    if (by_package && (i == 0 || shared)) continue;
    of_sources.push_back(plan);
    if (by_package)
      std::erase_if(of_sources.back().packages, [&](const portage::PlannedPackage& package) {
        return kept.contains(package.id.cpv);
      });
  }
  ask_for(needed_distfiles(of_sources), plans);
  hosts_.fetch(plans);
}

const portage::EmergePlan& Supplies::plan(const spec::Phase& phase,
                                          const std::vector<std::string>& parents) {
  Planned& known = planned(phase, parents);
  if (known.supplied) return known.plan;
  require_plan(known.plan, phase, context_.inputs.spec.file);
  for (const Warning& warning : plan_warnings(known.plan, phase)) context_.observer.warn(warning);
  known.needed = needed_distfiles(std::span(&known.plan, 1));
  if (!runs_by_package(context_.inputs, phase)) need(phase.name);
  if (hosts_.any()) {
    require_signature_tools(context_.inputs, known.plan, phase,
                            mount_chain(context_.store, parents).get());
    hosts_.fetch(std::span(&known.plan, 1));
  }
  known.supplied = true;
  return known.plan;
}

void Supplies::need(const std::string& phase, const std::vector<std::string>& cpvs) {
  std::vector<NeededFile> files = files_of(phase, "");
  if (!cpvs.empty())
    std::erase_if(files, [&](const NeededFile& file) {
      return std::none_of(file.owners.begin(), file.owners.end(), [&](const std::string& owner) {
        return std::find(cpvs.begin(), cpvs.end(), owner) != cpvs.end();
      });
    });
  ask_for(std::move(files), std::span(&plans_.at(phase).plan, 1));
  if (!fetching_) return;
  const auto until = std::chrono::steady_clock::now() + kFirstMoment;
  wait_for([&] { return fetching_->is_idle() || std::chrono::steady_clock::now() > until; });
  if (fetching_->is_idle() && lacks_something()) fail();
}

bool Supplies::show_hosts(const std::string& phase, const std::string& directory) {
  if (!hosts_.any()) return false;
  const auto found = plans_.find(phase);
  if (!phase.empty() && found == plans_.end())
    throw Error("internal error: phase " + quoted(phase) + " unplanned");
  hosts_.show(directory, phase.empty()
                             ? std::span<const portage::EmergePlan>()
                             : std::span<const portage::EmergePlan>(&found->second.plan, 1));
  return true;
}

std::vector<std::string> Supplies::missing_packages(const portage::EmergePlan& plan) {
  return hosts_.missing(std::span(&plan, 1));
}

void Supplies::link(const std::string& phase, int dirfd, const std::string& cpv) {
  const std::vector<NeededFile> files = files_of(phase, cpv);
  ask_for(files, std::span(&plans_.at(phase).plan, 1));
  if (fetching_) {
    wait_for([&] { return fetching_->has(files) || fetching_->is_idle(); });
    if (!fetching_->has(files)) fail();
  }
  note_digests(files);
  link_distfiles(files, places(), dirfd);
}

}  // namespace gbox::build
