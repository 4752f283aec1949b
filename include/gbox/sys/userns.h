// Entering the store's namespace: gbox re-executes itself once in a user + mount namespace mapped
// with the user's subordinate ids, so that every store operation sees owners as the image will.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "gbox/base/error.h"
#include "gbox/sys/idmap.h"

namespace gbox::sys {

enum class IdMapChoice {
  automatic,  // subordinate ids, else one
  single,     // one id, whatever there is
};
// "auto" or "single"; nullopt for anything else.
std::optional<IdMapChoice> id_map_choice(std::string_view text);

// Why there is one id only: `cause` is empty when there are more, `remedy` may be.
struct SingleId {
  std::string cause;
  std::string remedy;
};

// Who the caller is and which ids he may map; found without any namespace.
struct Identity {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string name;  // "" when the uid has no passwd entry
  IdMap uids;        // the store namespace's maps
  IdMap gids;
  std::string newuidmap;  // path of the helper; "" when the maps are written without one
  std::string newgidmap;
  SingleId single;  // why the maps have one id only
};

// Finds the caller's subordinate ids and the helpers. Where one is missing (no_new_privs, no
// helper, helper without privilege, no or too small a range), or on request, the maps have one id:
// that of the caller, which every process may map by itself.
Identity find_identity(IdMapChoice choice);

// Writes them for the process `pid`, which has made its user namespace; called from outside of it.
void write_id_maps(const Identity& who, pid_t pid);

// True in the re-executed process. Its maps are then known to entered_uid_map().
bool inside_namespace();

// Re-executes this program inside the namespace; returns only in the process that already is
// there. `why` is what to say, if anything is known, when there is one id only. Call first in main,
// before any thread: `argv` is main's. Throws Error (host) when the namespace cannot be had, before
// anything was changed.
void enter_namespace(char** argv, IdMapChoice choice = IdMapChoice::automatic,
                     const SingleId& why = {});

// In the re-executed process: why its maps have one id only.
const SingleId& entered_single_id();

// The maps of the namespace this process runs in.
IdMap current_uid_map();
IdMap current_gid_map();

}  // namespace gbox::sys
