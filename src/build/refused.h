// What comes from outside and is not as it should be costs that one thing, never the build.
#pragma once

#include <string>
#include <utility>

#include "gbox/base/error.h"

namespace gbox::build {

// What `ask` returns, an optional; nullopt, with the reason in `why`, when it throws an Error. A
// signal still ends it all.
template <class Ask>
auto unless_refused(std::string& why, Ask&& ask) -> decltype(ask()) {
  try {
    return std::forward<Ask>(ask)();
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    why = error.message();
  }
  return {};
}

}  // namespace gbox::build
