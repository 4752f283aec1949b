// The place an image is written to: what is there now, and whether it may be replaced.
#pragma once

#include <string>
#include <string_view>

#include "gbox/oci/layout.h"
#include "gbox/oci/location.h"
#include "gbox/sys/fd.h"

namespace gbox::oci {

enum class Occupied {
  no,      // nothing there
  empty,   // an empty directory or file
  layout,  // an image that may be replaced
};

struct TargetPlace {
  sys::Fd parent;           // the directory that holds the target
  std::string parent_path;  // for messages
  std::string name;         // of the target in it; symbolic links are resolved
  Occupied occupied = Occupied::no;
};

// Where it is, whatever is there. Throws Error (image) when there is no directory for it.
TargetPlace find_place(const OutputTarget& target);
// Throws Error (image) when the target may not be written; see check_target().
TargetPlace examine_target(const OutputTarget& target, std::string_view ref_name, Others others);

// Of several gboxes that publish to one place, one at a time looks at it and replaces it: waits for
// the others, some seconds at most. Throws Error (image) when they do not end. What is locked is
// the old image itself, so nothing stays behind; nothing is held where there is none.
sys::Fd lock_target(const OutputTarget& target);

std::string deed_of(const OutputTarget& target);  // "write layout 'out'", "write archive 'x.tar'"

// Removes what killed gboxes left beside the target: NAME.tmp-HEX that nobody holds a lock on.
void remove_stale_leftovers(const TargetPlace& place) noexcept;

// Puts file `from` in place of `place.name`. Throws SysError (EEXIST) when there was none and now
// is.
void replace_file(const TargetPlace& place, const std::string& from);

enum class Exchange { yes, no };  // whether RENAME_EXCHANGE may be tried
// Puts directory `from` in place of `place.name`. A crash leaves the old or the new one; only on
// file systems without RENAME_EXCHANGE (NFS, some FUSE) there is an instant between two renames
// in which the old one is called NAME.old-HEX. Returns where the old one is now, or "".
std::string replace_directory(const TargetPlace& place, const std::string& from,
                              Exchange exchange = Exchange::yes);

}  // namespace gbox::oci
