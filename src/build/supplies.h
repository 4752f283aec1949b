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
  // The plan of `phase` on `parents`, asked once for each, with all that it needs fetched. Throws
  // Error (plan) when Portage has none. The reference holds until the next call.
  const portage::EmergePlan& plan(const spec::Phase& phase,
                                  const std::vector<std::string>& parents);
  // Links what `phase`, planned last by plan(), fetches into the empty directory `dirfd`; for one
  // package only what that one needs.
  void link(const std::string& phase, int dirfd, const std::string& cpv = {}) const;
  // Fills `directory`, made here, for host_mounts(): with the packages of `phase`, planned by
  // plan(); or, with no phase, with the indexes alone, to ask for a plan. False: the spec has no
  // hosts.
  bool show_hosts(const std::string& phase, const std::string& directory);

 private:
  void have(std::vector<NeededFile> files);
  void note_digests(const std::vector<NeededFile>& files);
  [[nodiscard]] DistfilePlaces places() const;

  const StepContext& context_;
  Sources& sources_;
  Hosts hosts_;
  struct Planned {
    std::vector<std::string> parents;
    portage::EmergePlan plan;
    std::vector<NeededFile> needed;
    bool supplied = false;  // all of it is here
  };
  Planned& planned(const spec::Phase& phase, const std::vector<std::string>& parents);

  std::map<std::string, Planned> plans_;  // by phase: the last one asked for
};

// Whether anything is fetched for emerge: not when the spec names a directory of distfiles and no
// mirror besides.
bool fetches_distfiles(const Inputs& inputs);

}  // namespace gbox::build
