// Several faults of one thing that are told together, so that all of them can be mended at once.
// Those of a file that a person wrote are a SpecError (error.h).
#pragma once

#include <utility>
#include <vector>

#include "gbox/base/error.h"

namespace gbox {

class Faults : public Error {
 public:
  // `faults` is not empty; what() holds them all, a line each. Their places may be unknown.
  Faults(std::vector<SpecFault> faults, ExitCode code)
      : Error(lines_of(faults), code), faults_(std::move(faults)) {}
  [[nodiscard]] const std::vector<SpecFault>& faults() const noexcept { return faults_; }

 private:
  static std::string lines_of(const std::vector<SpecFault>& faults) {
    std::string text;
    for (const SpecFault& fault : faults) {
      if (!text.empty()) text += '\n';
      const std::string where = to_string(fault.where);
      text += where.empty() ? fault.message : where + ": " + fault.message;
    }
    return text;
  }

  std::vector<SpecFault> faults_;
};

}  // namespace gbox
