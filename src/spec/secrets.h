// Does a variable look like a secret? An image's configuration and labels are read by everybody
// who may pull it, so that a token in there is a leak. A guess by name and by well-known forms.
#pragma once

#include <string_view>

namespace gbox::spec {

enum class Secrecy {
  none,
  likely,   // the name says so: worth a warning
  certain,  // the value has the form of an issued token or private key
};

Secrecy secrecy_of(std::string_view name, std::string_view value);

}  // namespace gbox::spec
