// Where the store is when --store does not say.
#pragma once

#include <string>

namespace gbox::cli {

// $GBOX_STORE, else $XDG_DATA_HOME/gbox, else $HOME/.local/share/gbox, else the home directory of
// the passwd entry. Relative values are taken from the working directory. Throws Error (host) when
// none of them says anything.
std::string default_store();

}  // namespace gbox::cli
