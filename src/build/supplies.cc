#include "supplies.h"

#include <algorithm>

#include "ask.h"
#include "gbox/base/text.h"
#include "root.h"

namespace gbox::build {

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

void Supplies::have(std::vector<NeededFile> files) {
  if (files.empty() || !fetches_distfiles(context_.inputs)) return;
  std::vector<std::string> paths;
  for (const NeededFile& file : files) paths.push_back("distfiles/" + file.file.name);
  context_.store.keep(paths);
  const DistfilePlaces where = places();
  const auto missing = sources_.options().offline
                           ? missing_distfiles(files, where)
                           : fetch_distfiles(files, where, sources_.settings());
  require_distfiles(missing, files.size(), where);
  note_digests(files);
}

// All of them are here, each with one of its digests. Offline, some may lie in the spec's
// directory.
void Supplies::note_digests(const std::vector<NeededFile>& files) {
  for (const NeededFile& needed : files)
    if (!needed.file.digests.empty())
      context_.store.note_digest("distfiles/" + needed.file.name, needed.file.digests.front());
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
                           const std::vector<std::string>& parents) {
  std::vector<portage::EmergePlan> plans;
  for (const spec::Phase* phase : phases) {
    const portage::EmergePlan& plan = planned(*phase, parents).plan;
    if (plan.ok()) plans.push_back(plan);
  }
  std::vector<NeededFile> files = needed_distfiles(plans);
  context_.observer.fact("fetch", std::to_string(files.size()) + " source archives needed");
  have(std::move(files));
  hosts_.fetch(plans);
}

const portage::EmergePlan& Supplies::plan(const spec::Phase& phase,
                                          const std::vector<std::string>& parents) {
  Planned& known = planned(phase, parents);
  if (known.supplied) return known.plan;
  require_plan(known.plan, phase);
  for (const Warning& warning : plan_warnings(known.plan, phase)) context_.observer.warn(warning);
  known.needed = needed_distfiles(std::span(&known.plan, 1));
  have(known.needed);
  if (hosts_.any()) {
    require_signature_tools(context_.inputs, known.plan, phase,
                            mount_chain(context_.store, parents).get());
    hosts_.fetch(std::span(&known.plan, 1));
  }
  known.supplied = true;
  return known.plan;
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

void Supplies::link(const std::string& phase, int dirfd, const std::string& cpv) const {
  const auto found = plans_.find(phase);
  if (found == plans_.end()) throw Error("internal error: phase " + quoted(phase) + " unplanned");
  std::vector<NeededFile> files;
  for (const NeededFile& file : found->second.needed)
    if (cpv.empty() || std::find(file.owners.begin(), file.owners.end(), cpv) != file.owners.end())
      files.push_back(file);
  link_distfiles(files, places(), dirfd);
}

}  // namespace gbox::build
