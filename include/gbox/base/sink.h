// Where a library says what it survived. Nothing below the CLI prints: it hands a Warning to the
// sink it was given, and the CLI decides what a person sees.
#pragma once

#include "gbox/base/error.h"

namespace gbox {

class WarningSink {
 public:
  virtual ~WarningSink() = default;
  virtual void warn(const Warning& warning) = 0;
};

}  // namespace gbox
