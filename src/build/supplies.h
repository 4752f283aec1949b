// What emerge phases fetch, brought into the store before they run: source archives by name and
// digest, and packages of binary package hosts, as the image's own Portage says. All that can be
// told is fetched before the first compiler starts, so that a file nobody has any more costs
// minutes, not hours; what earlier phases change about a later one's needs is fetched right before
// it. No step has a network.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "distfiles.h"
#include "gbox/spec/spec.h"
#include "hosts.h"
#include "sources.h"
#include "step.h"

namespace gbox::build {

class Supplies {
 public:
  // `context` and `sources` are borrowed.
  Supplies(const StepContext& context, Sources& sources)
      : context_(context), sources_(sources), hosts_(context.inputs, sources) {}

  // Fetches what `phases` need, as far as their plans on `parents` (snapshots, lowest first) tell.
  // A phase that cannot be planned yet, because an earlier one will prepare it, is passed over.
  // Throws Error (input) that names every file which is not to be had.
  void fetch_ahead(const std::vector<const spec::Phase*>& phases,
                   const std::vector<std::string>& parents);
  // Fetches what `phase` needs now. Throws Error (plan) when Portage has no plan for it.
  void fetch_for(const spec::Phase& phase, const std::vector<std::string>& parents);
  // Links the files of `phase`, planned by fetch_for(), into the empty directory `dirfd`.
  void link(const std::string& phase, int dirfd) const;
  // Fills `directory`, made here, for host_mounts(): with the packages of `phase`, planned by
  // fetch_for(); or, with no phase, with the indexes alone, to ask for a plan. False: the spec has
  // no hosts.
  bool show_hosts(const std::string& phase, const std::string& directory);

 private:
  void have(std::vector<NeededFile> files);
  [[nodiscard]] DistfilePlaces places() const;

  const StepContext& context_;
  Sources& sources_;
  Hosts hosts_;
  std::map<std::string, std::vector<NeededFile>> needed_;  // by phase
  std::map<std::string, portage::EmergePlan> plans_;       // by phase, where there are hosts
};

// Whether anything is fetched for emerge: not when the spec names a directory of distfiles and no
// mirror besides.
bool fetches_distfiles(const Inputs& inputs);

}  // namespace gbox::build
