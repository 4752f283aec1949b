// What the closure check has found, in words for a person: what is lacking, who needs it, and what
// to do.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gbox/base/error.h"
#include "gbox/content/closure.h"

namespace gbox::build {

constexpr std::size_t kMaxToldFindings = 20;

// What can be asked about a thing that is lacking; providers.h answers.
struct Inquiry {
  std::function<std::string(const std::string& path)> owner;  // "" for none
  // "dev-libs/icu-74.2" and where it has it; both may be empty.
  std::function<std::pair<std::string, std::string>(const std::string& what)> provider;
  std::function<std::string(const std::string& path)> remover;  // a phase, or ""
};

// "check image: '/usr/bin/foo' needs 'libx.so.1', which is not in the image", with a hint that
// names the package that has it, or the phase that took it out. `root` is the output's.
SpecFault words_of(const content::Finding& finding, const std::string& root,
                   const Inquiry& inquiry);

// Errors as faults, at most kMaxToldFindings and a last one that counts the rest; and warnings.
struct ClosureWords {
  std::vector<SpecFault> faults;
  std::vector<Warning> warnings;
};
ClosureWords words_of(const content::ClosureReport& report, const std::string& root,
                      const Inquiry& inquiry);

}  // namespace gbox::build
