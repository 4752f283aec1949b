// From what was tried and what the host says of itself to a report a person can act on. Pure: no
// system call in here. The words follow one table of refusals met in the wild, and each row has
// its test.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gbox/sys/host_facts.h"
#include "gbox/sys/probe.h"

namespace gbox::sys {

// One thing tried in miniature.
struct Deed {
  bool tried = false;
  int error_number = 0;  // 0: it worked
  std::string detail;    // where it failed, or what a helper said
};

// All of them, in the order in which they were tried.
struct Deeds {
  Deed user_namespace;  // unshare(2)
  Deed id_map;          // newuidmap, newgidmap, then becoming root inside
  Deed mount;           // a tmpfs
  Deed proc;            // a fresh proc in a new pid namespace
  Deed namespaces;      // net, ipc, uts, cgroup; detail names the one that failed
  Deed store_open;      // make and enter a scratch directory as root of the namespace
  Deed store_xattr;     // a user.* attribute on a scratch file
  Deed store_chown;     // a scratch file to another mapped id
  Deed store_case;      // 'aA' and 'Aa' are two names; detail "folds" when they are one
  Deed overlay;         // mount, read, rm, mkdir, whiteout; detail names the one that failed
  Deed execute;         // a program through the overlay
  Deed cgroup;          // make and remove a cgroup below one's own; detail is its path or kind
  Deed store_execute;   // a program of the store's own mount, as where roots are copies
  Deed fuse;            // the deeds of overlay with fuse-overlayfs, where they may be needed
};

// Where the store lies.
struct StoreFacts {
  std::string path;
  std::string resolved;   // the nearest existing directory, without links
  std::string space;      // "52.1 GiB free", for the report
  std::string closed_at;  // the first parent that mapped ids cannot pass; "" when none
};

// Which deeds are to be judged: all, or those that are left once the namespace was entered.
enum class Scope { everything, inside_namespace };

HostReport judge(const HostFacts& facts, const Deeds& deeds, const StoreFacts& store, Scope scope);

// What a run does on a host of which `report` tells, inside the namespace. `identity` are the lacks
// that left one id mapped; none: the ids of an image are. `storage` is what the user chose.
Decision decide_by(const HostReport& report, std::vector<Check> identity,
                   std::optional<Storage> storage);

// The rules that need no deed, so that what cannot work is not tried; nullopt when all is well.
std::vector<Check> judge_identity(const HostFacts& facts);

}  // namespace gbox::sys
