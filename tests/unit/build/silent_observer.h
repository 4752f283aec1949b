// An observer that keeps warnings and lets everything else pass.
#pragma once

#include <string>
#include <vector>

#include "gbox/build/observer.h"

namespace gbox::build::test {

struct SilentObserver : Observer {
  std::vector<Warning> warnings;
  std::vector<std::string> activities;  // each once, in order

  void warn(const Warning& warning) override { warnings.push_back(warning); }
  void fact(std::string_view, std::string_view) override {}
  void plan(const std::vector<StepInfo>&, unsigned) override {}
  void step_started(const StepInfo&) override {}
  void step_output(const StepInfo&, std::string_view) override {}
  void step_cached(const StepInfo&) override {}
  void step_done(const StepInfo&, double) override {}
  void step_failed(const StepInfo&, double, std::string_view) override {}
  void tick() override {}
  void progress(std::string_view activity, std::uint64_t, std::uint64_t) override {
    if (activities.empty() || activities.back() != activity) activities.emplace_back(activity);
  }
  void waiting(std::string_view) override {}
  void build_done(const std::vector<OutputInfo>&, double) override {}
};

}  // namespace gbox::build::test
