// What emerge phases fetch, brought into the store: source archives by name and digest, and
// packages of binary package hosts, as the image's own Portage says. All that can be told is asked
// for before the first compiler starts, in the order in which it is needed, and what takes longer
// than a moment arrives while packages are built: a file nobody has any more costs minutes, not
// hours. What earlier phases change about a later one's needs is fetched right before it. No step
// has a network.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "background_fetch.h"
#include "distfiles.h"
#include "gbox/spec/spec.h"
#include "hosts.h"
#include "sources.h"
#include "step.h"

namespace gbox::build {

class Supplies {
 public:
  // `context` and `sources` are borrowed.
  Supplies(const StepContext& context, Sources& sources);

  // Asks for what `phases` need, as far as their plans on `parents` (snapshots, lowest first) tell.
  // A phase that cannot be planned yet, because an earlier one will prepare it, is passed over.
  // Unless it is to be `everything`, so is what is likely to be merged from a binary package: which
  // ones are is known when the phase is run. Begins only; finish() waits for it.
  void fetch_ahead(const std::vector<const spec::Phase*>& phases,
                   const std::vector<std::string>& parents, bool everything);
  // Waits for all that was asked for. Throws Error (input) that names every file which is not to be
  // had.
  void finish();
  // The plan of `phase` on `parents`, asked once for each. Throws Error (plan) when Portage has
  // none. The reference holds until the next call.
  const portage::EmergePlan& plan(const spec::Phase& phase,
                                  const std::vector<std::string>& parents);
  // Asks for the source archives of those packages (cpvs) of `phase`, planned last by plan(); none:
  // of all. Waits a few seconds for them, as files that nobody has are often found out by then: it
  // throws as finish() does.
  void need(const std::string& phase, const std::vector<std::string>& cpvs = {});
  // Whether all that a package of `phase` needs is here; also when it is not to be had.
  [[nodiscard]] bool is_settled(const std::string& phase, const std::string& cpv) const;
  // Whether something is known to be not to be had; finish() tells.
  [[nodiscard]] bool lacks_something() const;
  // Hands on what fetching has to tell.
  void tell();
  // Links what `phase`, planned last by plan(), fetches into the empty directory `dirfd`; for one
  // package only what that one needs. Waits for it.
  void link(const std::string& phase, int dirfd, const std::string& cpv = {});
  // Fills `directory`, made here, for host_mounts(): with the packages of `phase`, planned by
  // plan(); or, with no phase, with the indexes alone, to ask for a plan. False: the spec has no
  // hosts.
  bool show_hosts(const std::string& phase, const std::string& directory);
  // File names of the packages that `plan` takes from hosts and the store lacks.
  [[nodiscard]] std::vector<std::string> missing_packages(const portage::EmergePlan& plan);

 private:
  void note_digests(const std::vector<NeededFile>& files);
  void ask_for(std::vector<NeededFile> files, std::span<const portage::EmergePlan> plans);
  [[nodiscard]] std::vector<NeededFile> files_of(const std::string& phase,
                                                 const std::string& cpv) const;
  void wait_for(const std::function<bool()>& done);
  [[noreturn]] void fail();
  [[nodiscard]] DistfilePlaces places() const;

  const StepContext& context_;
  Sources& sources_;
  Hosts hosts_;
  std::optional<BackgroundFetch> fetching_;  // none where nothing may be or need be fetched
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
