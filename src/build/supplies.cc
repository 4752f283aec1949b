#include "supplies.h"

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
  const DistfilePlaces where = places();
  const auto missing = sources_.options().offline
                           ? missing_distfiles(files, where)
                           : fetch_distfiles(files, where, sources_.settings());
  require_distfiles(missing, files.size(), where);
}

void Supplies::fetch_ahead(const std::vector<const spec::Phase*>& phases,
                           const std::vector<std::string>& parents) {
  std::vector<portage::EmergePlan> plans;
  for (const spec::Phase* phase : phases) {
    context_.observer.progress("plan " + phase->name, 0, 0);
    portage::EmergePlan plan = ask_emerge(context_, *phase, parents);
    if (plan.ok()) plans.push_back(std::move(plan));
  }
  std::vector<NeededFile> files = needed_distfiles(plans);
  context_.observer.fact("fetch", std::to_string(files.size()) + " source archives needed");
  have(std::move(files));
  hosts_.fetch(plans);
}

void Supplies::fetch_for(const spec::Phase& phase, const std::vector<std::string>& parents) {
  portage::EmergePlan plan = ask_emerge(context_, phase, parents);
  require_plan(plan, phase);
  for (const Warning& warning : plan_warnings(plan, phase)) context_.observer.warn(warning);
  needed_[phase.name] = needed_distfiles(std::span(&plan, 1));
  have(needed_[phase.name]);
  if (!hosts_.any()) return;
  require_signature_tools(context_.inputs, plan, phase, mount_chain(context_.store, parents).get());
  hosts_.fetch(std::span(&plan, 1));
  plans_[phase.name] = std::move(plan);
}

bool Supplies::show_hosts(const std::string& phase, const std::string& directory) {
  if (!hosts_.any()) return false;
  const auto found = plans_.find(phase);
  if (!phase.empty() && found == plans_.end())
    throw Error("internal error: phase " + quoted(phase) + " unplanned");
  hosts_.show(directory, phase.empty() ? std::span<const portage::EmergePlan>()
                                       : std::span<const portage::EmergePlan>(&found->second, 1));
  return true;
}

void Supplies::link(const std::string& phase, int dirfd) const {
  const auto found = needed_.find(phase);
  if (found == needed_.end()) throw Error("internal error: phase " + quoted(phase) + " unplanned");
  link_distfiles(found->second, places(), dirfd);
}

}  // namespace gbox::build
