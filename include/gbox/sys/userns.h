// Entering the store's namespace: gbox re-executes itself once in a user + mount namespace mapped
// with the user's subordinate ids, so that every store operation sees owners as the image will.
#pragma once

#include <string>

#include "gbox/base/error.h"
#include "gbox/sys/idmap.h"

namespace gbox::sys {

// Who the caller is and which ids he may map; found without any namespace.
struct Identity {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string name;  // "" when the uid has no passwd entry
  IdMap uids;        // the store namespace's maps
  IdMap gids;
  std::string newuidmap;  // path of the helper; "" when root writes the maps itself
  std::string newgidmap;
};

// Finds the caller's subordinate ids and the helpers. Throws Error (host) with the remedy when
// one is missing: no_new_privs, no helper, helper without privilege, no or too small a range.
Identity find_identity();

// True in the re-executed process. Its maps are then known to entered_uid_map().
bool inside_namespace();

// Re-executes this program inside the namespace; returns only in the process that already is
// there. Call first in main, before any thread: `argv` is main's. Throws Error (host) when the
// namespace cannot be had, before anything was changed.
void enter_namespace(char** argv);

// The maps of the namespace this process runs in.
IdMap current_uid_map();
IdMap current_gid_map();

}  // namespace gbox::sys
