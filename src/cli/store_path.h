// Where the store is. Called by main before the namespace is entered, where the home directory of
// whoever calls gbox can still be looked up.
#pragma once

#include <string>

namespace gbox::cli {

// $GBOX_STORE, else $XDG_DATA_HOME/gbox, else $HOME/.local/share/gbox, else the home directory of
// the passwd entry. Relative values are taken from the working directory. Throws Error (host) when
// none of them says anything.
std::string default_store();

// `given` (--store) as an absolute path; default_store() when it is empty.
std::string store_directory(const std::string& given);

// From the working directory; an empty path stays empty.
std::string absolute_path(const std::string& path);

// The variable's value; empty when there is none.
std::string environment(const char* name);

}  // namespace gbox::cli
