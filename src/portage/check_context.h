// What the checks of a spec's Portage configuration share: the spec, what the repositories and the
// profile say, and where findings go. One function a subject; config_check.cc calls them in turn.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "gbox/portage/config_check.h"
#include "settings.h"

namespace gbox::portage {

class CheckContext {
 public:
  CheckContext(const spec::BuildSpec& spec, const ConfigCheck& check, TreeIndex& tree,
               const Profile& profile, ConfigFindings& findings);

  void fault(const Location& where, std::string message, std::string hint = {});
  void warn(const Location& where, std::string message, std::string hint = {});
  // A fault, or a warning where the build itself may change Portage's configuration first.
  void obstacle(const Location& where, std::string message, std::string hint = {});
  // Something named that nobody has: a fault, or a warning where a repository that the others
  // build upon is not in the spec and may be in the base.
  void absence(const Location& where, std::string message, std::string hint = {});

  const spec::BuildSpec& spec;
  TreeIndex& tree;
  const Profile& profile;  // without a name: the spec chose none
  Settings settings;
  int config_dirfd;
  std::string arch;
  bool certain;  // no phase touches /etc/portage

  // An atom that a phase asks for, by itself or through a set of the spec.
  struct Request {
    Atom atom;  // with its category
    Location where;
    bool forgiving = false;  // options let emerge change the configuration, or not need ebuilds
  };
  std::vector<Request> requests;   // filled by check_atoms: those that name a package
  std::set<std::string> planned;   // "category/name" of the requests and of package_use
  std::set<std::string> uncached;  // packages whose metadata nobody knows

 private:
  ConfigFindings& findings_;
};

void check_profile_state(CheckContext& context);  // deprecated, experimental, of another flavour
void check_atoms(CheckContext& context);          // packages and sets exist
void check_flags(CheckContext& context);          // USE, package.use
void check_groups(CheckContext& context);         // USE_EXPAND variables, CPU flags
void check_words(CheckContext& context);          // keywords, licences, env files
void check_visibility(CheckContext& context);     // what emerge will refuse, of what is asked for

// "did you mean 'x'?", or `otherwise`.
std::string did_you_mean(const std::string& near, std::string otherwise = {});
// "it has 'a', 'b' and 'c'" for a list short enough to print; else "".
std::string listing(const std::string& start, const std::vector<std::string>& names);

}  // namespace gbox::portage
